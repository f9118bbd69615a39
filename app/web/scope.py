"""What the layers of the edge tell each other about one request, kept in its ASGI scope.

Only names and their meaning live here. Handlers never see the scope, and nothing outside this package may read these keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from starlette.types import Scope

#: The request's headers as a dictionary, lower-case names; of a repeated header the first counts.
HEADERS = "ordergate.headers"
#: The id under which the request is logged and answered.
REQUEST_ID = "ordergate.request_id"
#: The checked keyword arguments of the handler. Absent where Connexion's own code reads the request.
ARGUMENTS = "ordergate.arguments"
#: The name of the authenticated user.
USERNAME = "ordergate.username"


def headers_of(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of the request, made once for each request."""
    headers = scope.get(HEADERS)
    if headers is None:
        headers = scope[HEADERS] = dict(reversed(list(scope["headers"])))
    return cast(Mapping[bytes, bytes], headers)


def path_of(scope: Scope) -> str:
    """The path below the place at which a proxy or server mounted us."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root else path
