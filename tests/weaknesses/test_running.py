"""W26, W27, W28, W30: the server itself, its doors, its start and its memory."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from pathlib import Path
from typing import Any

from app.bootstrap import build_gateway, rotate_vault
from app.clock import SystemClock
from app.domain.fill import Fill
from app.domain.order import Order
from app.services.gateway import Gateway
from app.services.streams import EVERYTHING
from app.settings import Settings
from app.vault import load_secret
from tests.services.world import ACCOUNT, market
from tests.web.conftest import basic
from tests.weaknesses.conftest import MARKET, Desk
