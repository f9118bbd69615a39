"""Everything that can go wrong on purpose, as one tree ordered by what the caller should do next.

    OrdergateError
    ├── RequestError                nothing was sent, the caller must change something
    │   ├── UnknownPath                 404
    │   ├── MethodNotAllowed            405  says which methods the path has
    │   ├── UpgradeRequired             426  the path speaks WebSocket only
    │   ├── UnsupportedMediaType        415  the body is declared as something other than JSON in UTF-8
    │   ├── UnsupportedContentEncoding  415  the body is compressed
    │   ├── BodyTooLarge                413
    │   ├── UnreadableBody              400  the body is not JSON in UTF-8
    │   ├── SchemaViolation             422  the body or a parameter breaks the schema; carries the list of faults
    │   ├── InvalidClientOrderId        422  the exchange takes no order under this client order id
    │   ├── ForeignOrigin               403  a web page of another origin wants to change something or open a stream
    │   ├── UnknownAccount              404
    │   ├── UnknownConnector            404
    │   ├── ConnectorNotConfigured      404  the account has no credentials for the connector
    │   ├── OrderNotFound               404
    │   ├── MarketDataNotFound          404  the exchange answered, and has nothing of what was asked for
    │   ├── AmbiguousOrder              409  the id names orders of several accounts or connectors
    │   ├── UnsupportedPair             400
    │   ├── UnsupportedOrder            400  an order type or option that the connector does not have
    │   ├── PriceRequired               400
    │   ├── RuleViolation               400  a trading rule is broken
    │   ├── InvalidCursor               400
    │   ├── InvalidArgument             400  any other value that the schema cannot judge
    │   ├── InvalidCredentials          400  credentials that are incomplete, or that the exchange does not take
    │   ├── ActiveOrders                409  what is to be deleted still has active orders
    │   ├── OtherExchangeAccount        409  active orders are on another account at the exchange than the credentials
    │   ├── OrderNotInDoubt             409  an operator's word can't end an order that is final, or that the exchange shows
    │   ├── IdempotencyConflict         409  the key or id is taken by an order with other terms
    │   ├── ChangeConflict              409  another change of what is stored came first
    │   ├── LimitExceeded               400  limits that the order would break, all of them
    │   │   └── PriceOutsideCollar          400  the price is too far from the reference price
    │   ├── LimitsNotSet                409  nobody has decided about the limits of a live account
    │   ├── PreviewOutdated             412  the order or the market is not what the preview showed
    │   ├── NoExchangeCountdown         409  the exchange can't hold a dead-man's switch
    │   ├── ProtectiveNotKept           409  the exchange can only cancel everything
    │   ├── KeyRevoked                  401  the key or user is not valid any more
    │   ├── NotAuthenticated            401  no credentials, or wrong ones
    │   │   ├── TotpRequired            401  the password is right, and a code must come with it
    │   │   └── WrongTotp               401  the code is not one of this moment, or was used before
    │   ├── Forbidden                   403  the caller is known and may not do this
    │   │   ├── MissingScope            403  the role or key does not have the scope of the operation
    │   │   ├── OutOfBounds             403  the key is bounded to other accounts, connectors or pairs
    │   │   ├── WrongEnvironment        403  a key for play money names a connector with real money, or the other way round
    │   │   ├── OwnApproval             403  nobody approves what they asked for themselves
    │   │   └── OwnHold                 403  what holds a key back is ended or loosened by another
    │   ├── UnknownUser                 404
    │   ├── UnknownKey                  404
    │   ├── LastAdmin                   409  nobody would be left who may do everything
    │   ├── ApprovalRefused             409  the approval that the order needs was refused
    │   ├── ApprovalExpired             409  nobody has approved the order in time
    │   ├── ApprovalNotFound            404
    │   ├── ApprovalUsed                409  the key or id has placed another order meanwhile
    │   ├── ApprovalDecided             409  it was decided otherwise before
    │   └── ApprovalVoid                409  who asked for the order may not place it any more
    ├── Refused                     the exchange's rules prove that the order was not accepted, or nothing was sent
    │   ├── OrderRefused                400  the exchange refused it
    │   │   ├── InsufficientBalance     400
    │   │   ├── WouldTake               400  a LIMIT_MAKER order would have traded at once
    │   │   └── DuplicateOrderId        400  the exchange has an open order with this id
    │   ├── ChangeRefused               400  the exchange refused to change a setting, such as the leverage
    │   ├── CredentialsRefused          502  the exchange refused our keys
    │   ├── RateLimited                 503  too many requests; says when to come back
    │   ├── ClockRefused                503  the exchange refused the timestamp of the call
    │   ├── ExchangeDown                503  the exchange could not be reached, or said that it cannot take the order now
    │   ├── Halted                      409  trading is halted where the order belongs
    │   ├── DeadManDue                  409  the account's dead-man's switch was not renewed in time
    │   └── CountdownMissing            503  the exchange has not started the countdown of the dead-man's switch
    ├── NotNow                      nothing was sent, the same request may succeed later
    │   ├── RequestInProgress           409  the first request with this key is still running
    │   ├── CredentialsChanged          503  the account's credentials were replaced or deleted at this moment
    │   ├── CallerChanged               503  what the caller may do was changed at this moment
    │   ├── RulesNotLoaded              503
    │   ├── ReferencePriceMissing       503  a limit or a collar needs a price that is not there
    │   ├── ShuttingDown                503
    │   ├── TooManySignIns              429  too many failed; says when to come back
    │   ├── TooManyApprovals            429  as many await an approval as one may let wait
    │   ├── TooManyStreams              429  the user has as many streams open as one may
    │   └── JournalUnavailable          503  the database did not take the intent, so nothing was sent
    ├── JournalInDoubt              503  the commit broke: the order must not be sent, recovery finds out whether it was written
    ├── SchemaOutdated              503  the gateway does not start: migrations are missing, or the database is of a later version
    ├── PoolerFound                 503  the gateway does not start: a pooler lends the database's sessions by the transaction
    ├── DirectoryInUse              503  the gateway does not start: another process uses the data directory
    ├── JournalDamaged              503  the gateway does not start: the newest events are not as they were written
    ├── EmptyJournal                503  the gateway does not start: the journal that the key file was used with is not there
    ├── ExchangeReadFailed          a question to the exchange failed; no order is affected
    │   ├── ExchangeReadTimeout         504
    │   ├── ExchangeReadError           502
    │   └── ExchangeAccountChanged      502  the credentials open another account than the one for which they were stored
    └── UnsupportedFeature              501  the connector cannot do this at all
        └── UnsupportedConnector            501  the name is known, but this gateway has no connector for it

``status`` is a hint for an HTTP edge, which needs no table of its own. What is *not* in the tree, any exception that nobody
classified, is an unknown outcome once an order call has begun, and a plain fault (500) elsewhere.

Everybody imports the classes from here. The modules hold them:

* ``requests``: what the caller must change
* ``callers``: who the caller is, and what it may do
* ``approvals``: what becomes of an approval
* ``dead_man``: dead-man's switches that an exchange can't hold
* ``refusals``: what was not placed, by the exchange's rules or because nothing was sent
* ``availability``: the gateway's own condition: not now, in doubt, or no start
* ``questions``: questions to an exchange, and what a connector can't do
"""

from app.domain.errors.approvals import (
    ApprovalDecided,
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalUsed,
    ApprovalVoid,
)
from app.domain.errors.availability import (
    CallerChanged,
    CredentialsChanged,
    DirectoryInUse,
    EmptyJournal,
    JournalDamaged,
    JournalInDoubt,
    JournalUnavailable,
    NotNow,
    PoolerFound,
    ReferencePriceMissing,
    RequestInProgress,
    RulesNotLoaded,
    SchemaOutdated,
    ShuttingDown,
    TooManyApprovals,
    TooManySignIns,
    TooManyStreams,
)
from app.domain.errors.base import OrdergateError
from app.domain.errors.callers import (
    Forbidden,
    KeyRevoked,
    LastAdmin,
    MissingScope,
    NotAuthenticated,
    OutOfBounds,
    OwnApproval,
    OwnHold,
    TotpRequired,
    UnknownKey,
    UnknownUser,
    WrongEnvironment,
    WrongTotp,
)
from app.domain.errors.dead_man import NoExchangeCountdown, ProtectiveNotKept
from app.domain.errors.questions import (
    ExchangeAccountChanged,
    ExchangeReadError,
    ExchangeReadFailed,
    ExchangeReadTimeout,
    UnsupportedConnector,
    UnsupportedFeature,
)
from app.domain.errors.refusals import (
    REFUSALS,
    ChangeRefused,
    ClockRefused,
    CountdownMissing,
    CredentialsRefused,
    DeadManDue,
    DuplicateOrderId,
    ExchangeDown,
    Halted,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
    WouldTake,
)
from app.domain.errors.requests import (
    ActiveOrders,
    AmbiguousOrder,
    BodyTooLarge,
    ChangeConflict,
    ConnectorNotConfigured,
    ForeignOrigin,
    IdempotencyConflict,
    InvalidArgument,
    InvalidClientOrderId,
    InvalidCredentials,
    InvalidCursor,
    LimitExceeded,
    LimitsNotSet,
    MarketDataNotFound,
    MethodNotAllowed,
    OrderNotFound,
    OrderNotInDoubt,
    OtherExchangeAccount,
    PreviewOutdated,
    PriceOutsideCollar,
    PriceRequired,
    RequestError,
    RuleViolation,
    SchemaViolation,
    UnknownAccount,
    UnknownConnector,
    UnknownPath,
    UnreadableBody,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
    UnsupportedOrder,
    UnsupportedPair,
    UpgradeRequired,
)

__all__ = [
    "REFUSALS",
    "ActiveOrders",
    "AmbiguousOrder",
    "ApprovalDecided",
    "ApprovalExpired",
    "ApprovalNotFound",
    "ApprovalRefused",
    "ApprovalUsed",
    "ApprovalVoid",
    "BodyTooLarge",
    "CallerChanged",
    "ChangeConflict",
    "ChangeRefused",
    "ClockRefused",
    "ConnectorNotConfigured",
    "CountdownMissing",
    "CredentialsChanged",
    "CredentialsRefused",
    "DeadManDue",
    "DirectoryInUse",
    "DuplicateOrderId",
    "EmptyJournal",
    "ExchangeAccountChanged",
    "ExchangeDown",
    "ExchangeReadError",
    "ExchangeReadFailed",
    "ExchangeReadTimeout",
    "Forbidden",
    "ForeignOrigin",
    "Halted",
    "IdempotencyConflict",
    "InsufficientBalance",
    "InvalidArgument",
    "InvalidClientOrderId",
    "InvalidCredentials",
    "InvalidCursor",
    "JournalDamaged",
    "JournalInDoubt",
    "JournalUnavailable",
    "KeyRevoked",
    "LastAdmin",
    "LimitExceeded",
    "LimitsNotSet",
    "MarketDataNotFound",
    "MethodNotAllowed",
    "MissingScope",
    "NoExchangeCountdown",
    "NotAuthenticated",
    "NotNow",
    "OrderNotFound",
    "OrderNotInDoubt",
    "OrderRefused",
    "OrdergateError",
    "OtherExchangeAccount",
    "OutOfBounds",
    "OwnApproval",
    "OwnHold",
    "PoolerFound",
    "PreviewOutdated",
    "PriceOutsideCollar",
    "PriceRequired",
    "ProtectiveNotKept",
    "RateLimited",
    "ReferencePriceMissing",
    "Refused",
    "RequestError",
    "RequestInProgress",
    "RuleViolation",
    "RulesNotLoaded",
    "SchemaOutdated",
    "SchemaViolation",
    "ShuttingDown",
    "TooManyApprovals",
    "TooManySignIns",
    "TooManyStreams",
    "TotpRequired",
    "UnknownAccount",
    "UnknownConnector",
    "UnknownKey",
    "UnknownPath",
    "UnknownUser",
    "UnreadableBody",
    "UnsupportedConnector",
    "UnsupportedContentEncoding",
    "UnsupportedFeature",
    "UnsupportedMediaType",
    "UnsupportedOrder",
    "UnsupportedPair",
    "UpgradeRequired",
    "WouldTake",
    "WrongEnvironment",
    "WrongTotp",
]
