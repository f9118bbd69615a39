"""What callers of other programs and exchanges call the fields of this contract, and what they ask for that it does not have.

Only words of which it is plain what is meant. A word that stands here is refused with the advice that follows from it, so it must
not be one that hummingbot-api's callers send.
"""

from __future__ import annotations

from collections.abc import Mapping


def _split(table: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return {key: tuple(words.split()) for key, words in table.items()}


#: By the contract's word: other words for it, without their separators and in lower case. A word counts only where the operation
#: has the contract's field.
SYNONYMS = _split(
    {
        "account_name": "account accountid accountlabel useraccount acct",
        "account_names": "account accountname accountids accts",
        "connector_name": "connector connectorid exchange exchangename exchangeid venue broker",
        "connector_names": "connector connectorname exchange exchangename venue exchangeids",
        "connector": "connectorname exchange exchangename exchangeid venue",
        "connectors": "connectorname connectornames exchangename exchange venue",
        "trading_pair": "symbol pair market instrument instid productid ticker currencypair contract coin",
        "trading_pairs": "symbol pair tradingpair market instrument instids productids ticker currencypair",
        "trade_type": "side direction action buysell orderside tradeside",
        "trade_types": "side direction tradetype tradeside",
        "order_type": "type ordertype ordtype kind orderkind",
        "amount": (
            "quantity qty size volume vol origqty ordersize orderqty baseamount basesize baseqty orderamount sz lots lotsize "
            "contracts units"
        ),
        "quote_amount": (
            "quoteorderqty quotesize quotequantity quoteqty cost notional funds quotevolume usdamount amountusd amountquote "
            "quoteordersize"
        ),
        "price": "limitprice limit px rate orderprice priceperunit",
        "time_in_force": "tif timeinforcetype validity timeforce",
        "reduce_only": "reduce reduceposition onlyreduce reducing",
        "position_action": "positioneffect openclose action offset closeposition close isclose",
        "client_order_id": (
            "clientid clordid newclientorderid clientoid cloid orderlinkid customid customorderid userref clientref "
            "clientreference orderid externalid externalorderid ref reference clientorder origclientorderid linkid cid"
        ),
        "start_time": (
            "start from since starttimestamp startat startdate begin begintime starttimems fromtime after timestart "
            "fromtimestamp"
        ),
        "end_time": "end to until endtimestamp endat enddate endtimems totime before timeend totimestamp",
        "limit": "pagesize perpage count max maxresults size numresults pagelimit",
        "cursor": "nextcursor pagetoken nextpagetoken page offset pagecursor",
        "status": "state orderstatus orderstate",
        "max_records": "limit count maxrecord numcandles records n",
        "interval": "timeframe resolution period granularity candleinterval barsize",
        "depth": "limit levels size maxlevels",
        "is_buy": "side tradetype buy isbid",
        "volume": "amount quantity qty size basevolume baseamount",
        "quote_volume": "quoteamount quotesize quoteqty notional quotequantity volume",
        "leverage": "lever multiplier leverageratio",
        "position_mode": "mode hedgemode dualsideposition positionsmode posmode dualside",
        "refresh": "forcerefresh reload nocache refreshbalances",
        "max_age": "maxageseconds ttl staleafter",
        "wait": "timeout waitseconds waitfor waitms longpoll poll",
        "timeout": "wait timeoutseconds timeoutms",
        "since": "lasteventid fromseq seq afterseq after cursor startseq",
        "force": "forced confirm override",
        "outcome": "status state result resolution finalstate",
        "reason": "why comment message note explanation",
        "evidence": "proof source",
        "filled_amount": "filled executedqty filledqty filledsize executedamount cumqty filledquantity",
        "update_interval": "intervalseconds updatespeed refreshinterval frequency",
        "type": "channel topic stream subscription subscriptiontype feed event",
        "action": "op method command cmd request",
        "subscription_id": "id subid subscription",
        "accounts": "account accountname accountnames accountids accts",
        "pairs": "pair tradingpair tradingpairs symbol symbols market markets instruments ticker tickers",
        "allowed_ips": (
            "ip ips ipaddress ipaddresses ipwhitelist ipallowlist whitelist whitelistips whitelistedips allowlist allowedip "
            "allowedaddresses addresses iprestriction iprestrictions iplist cidr cidrs networks allowips trustedips"
        ),
        "scopes": "permissions permission access rights privileges",
        "environment": "env",
        "expires_at": (
            "expires expiresin expiresafter expiresinseconds expiresindays expiresat expiresattime expireson expire expireat "
            "expireafter expiretime expiry expirydate expirytime expiryat expiration expirationdate expirationtime exp ttl ttldays "
            "ttlseconds days lifetime duration maxage valid validuntil validtill validto validfor validdays validthrough "
            "validityperiod validity until notafter deadline expiredat"
        ),
        "overlap": "overlapseconds grace graceperiod graceseconds",
        "Idempotency-Key": (
            "idempotency idempotent idempotencytoken idempotencyid idempotentkey idempotentid idempotencekey "
            "requestidempotencykey deduplicationkey dedupkey"
        ),
        "Last-Event-ID": "eventid lastid lastevent lastseq",
    }
)

_NO_STOP = (
    "Orders with a trigger are not supported, and this one would have been placed at once: watch the price, and place the order"
    " when it is reached"
)
_NO_BRACKET = "Orders attached to an order are not supported: place each of them as an order of its own"
_NO_ICEBERG = "Hidden and iceberg orders are not supported: place the parts as orders of their own"
_LEVERAGE = "The leverage is set beforehand, with POST /trading/{account_name}/{connector_name}/leverage"
_NO_MARGIN = "Margin modes can't be chosen with an order: set the account's at the exchange"
_NO_EXPIRY = "Orders with an expiry are not supported: time_in_force is GTC, IOC or FOK; cancel the order at that time"
_NO_SLIPPAGE = (
    "A bound on the price of a MARKET order is not supported: place a LIMIT order at that price, with time_in_force IOC"
)
_NO_DRY_RUN = "There is no trial of an order: this one would have been placed. Try it on the connector paper"
_NO_STP = "Self-trade prevention can't be chosen with an order: set it at the exchange"
_MAKER = "Use order_type LIMIT_MAKER for an order that must not take"
_KEY_IN_BODY = "The key is the header Idempotency-Key, not a field; an order id of your own is client_order_id"

_NO_SIDE = (
    "Use position_action, OPEN or CLOSE, and trade_type: a long position is opened by BUY and closed by SELL, a short one "
    "the other way"
)
_NO_SHARE = (
    "Give the amount in base units as amount, or what to spend in quote units as quote_amount; parts of the balance are not "
    "supported"
)
_NO_PEG = "Prices that follow the market are not supported: give the price"
_NO_SLICES = "Orders that are split over time are not supported: place each part"
_NO_INSTRUCTIONS = (
    "Use order_type LIMIT_MAKER for an order that must not take, reduce_only for one that must only reduce, and time_in_force for"
    " how long it rests"
)
_NO_PARAMS = (
    "Nothing in it would have reached the exchange: write what the contract has as fields of the order itself (LIMIT_MAKER instead"
    " of postOnly, reduce_only, time_in_force, client_order_id), and leave out the rest"
)
_NO_WAIT = "Orders wait for nothing here: GET /trading/orders/{order_id}?wait= waits for an order to settle"

_ORDER_WORDS = _split(
    {
        _MAKER: "postonly post makeronly maker addliquidityonly ispostonly participatedonotinitiate alo",
        _NO_STOP: (
            "stopprice stop triggerprice trigger stoploss stoplossprice takeprofit takeprofitprice stoppx slprice tpprice "
            "trailingdelta trailing trailingstop trailingpercent trailingamount trailpercent trailprice trailvalue trail "
            "callbackrate activationprice activateprice triggertype triggerby "
            "workingtype priceprotect sl tp stoplimitprice triggerdirection triggerpx algotype stopdirection isstop "
            "stopordertype"
        ),
        _NO_BRACKET: (
            "oco oto otoco bracket attached legs orderlistid listclientorderid attachalgoords linkedorderid ordergroup children "
            "exits tpsl tpslmode conditionaltype"
        ),
        _NO_ICEBERG: (
            "icebergqty iceberg displayqty displaysize visiblesize hidden ishidden displayamount icebergsize maxshow "
            "visibleamount"
        ),
        _LEVERAGE: "leverage lever",
        _NO_MARGIN: "marginmode margintype tdmode isolated isisolated crossmargin sideeffecttype isleverage autoborrow marginbuy",
        _NO_EXPIRY: (
            "expiretime goodtill goodtilldate gtd expiry expiration expiresat expireat cancelafter gtt ttl validuntil goodtilltime "
            "timeout expirationtime canceltime"
        ),
        _NO_SLIPPAGE: (
            "slippage maxslippage slippagetolerance pricetolerance maxprice minprice worstprice slippagepct protectionprice "
            "priceband acceptableprice slippagebps"
        ),
        _NO_DRY_RUN: (
            "dryrun test testorder validateonly validate simulate simulated preview isdryrun papertrade paper sandbox istest"
        ),
        _NO_STP: "selftradepreventionmode selftradeprevention stp stpmode selftrade stptype smptype",
        _KEY_IN_BODY: "idempotencykey idempotency idempotencytoken idempotentkey idempotencyid dedupkey deduplicationkey requestid",
        _NO_SIDE: "positionside posside positionidx positiontype",
        _NO_SHARE: (
            "amountpercent percentage percent sizepercent balancepercent riskpercent allin quantitypercent cash cashqty cashamount "
            "dollars"
        ),
        _NO_PEG: "pricematch pegpricetype peg pegoffset pegoffsetvalue pegged priceoffset chase",
        _NO_SLICES: "twap algo executionalgo algoparams slices execalgorithmid vwap",
        _NO_INSTRUCTIONS: "execinst executioninstruction executioninstructions oflags orderflags flags instructions",
        _NO_PARAMS: "params parameters extraparams exchangeparams exchangespecific",
        _NO_WAIT: "wait waitforfill",
    }
)

_ONE_ORDER = "One order is read with GET /trading/orders/{order_id}; lists can't be filtered by ids"
_ORDER_OF_ROWS = "The order of the rows is fixed, and pages are followed by cursor: sort them yourself"

_LIST_WORDS = _split(
    {
        _ONE_ORDER: "orderid orderids clientorderid clientorderids exchangeorderid tradeid id ids",
        _ORDER_OF_ROWS: "sort sortby orderby order ascending descending reverse sortorder desc asc",
    }
)

_TIMES = "That is the time_in_force of an order: GTC (until cancelled), IOC (immediate or cancel) or FOK (fill or kill)"

#: By field: values that others have and the contract has not, normalised, with what to do instead. An order's type and its time
#: in force are told apart in other ways elsewhere, so either field takes the words of both.
_KINDS_OF_ORDERS = {
    word: advice
    for advice, words in {
        _MAKER: "postonly limitpostonly maker makeronly gtx alo poc po addliquidityonly pendingorcancel",
        _NO_STOP: (
            "stop stoplimit stopmarket stoploss stoplosslimit stoplossmarket takeprofit takeprofitlimit takeprofitmarket "
            "trailing trailingstop trailingstopmarket trailingstoplimit trigger triggerlimit conditional"
        ),
        _NO_BRACKET: "oco oto otoco bracket tpsl",
        _NO_ICEBERG: "iceberg hidden",
        _NO_SLICES: "twap vwap algo",
        _NO_EXPIRY: "gtd gtt day goodtilldate goodtildate goodtilltime",
        _TIMES: "gtc ioc fok immediateorcancel fillorkill goodtillcancelled goodtilcanceled goodtillcanceled",
    }.items()
    for word in words.split()
}
VALUES_NOT_DONE: Mapping[str, Mapping[str, str]] = {
    "order_type": _KINDS_OF_ORDERS,
    "time_in_force": _KINDS_OF_ORDERS,
    "trade_type": dict.fromkeys(("long", "short", "openlong", "openshort", "closelong", "closeshort"), _NO_SIDE),
    "position_action": dict.fromkeys(
        ("reduce", "reduceonly"), "An order that may only reduce a position has reduce_only: true"
    ),
}

_NOT_DONE_OF_ORDERS = {word: advice for advice, words in _ORDER_WORDS.items() for word in words}

#: By operation: what is asked for that it does not do, and what to do instead.
NOT_DONE: Mapping[str, Mapping[str, str]] = {
    "trading.place_order": _NOT_DONE_OF_ORDERS,
    "previews.preview_order": _NOT_DONE_OF_ORDERS,
    **{
        operation: {word: advice for advice, words in _LIST_WORDS.items() for word in words}
        for operation in (
            "trading.get_active_orders",
            "trading.search_orders",
            "trading.search_trades",
            "positions.get_positions",
            "positions.search_funding_payments",
            "portfolio.get_history",
        )
    },
    "positions.set_leverage": dict.fromkeys(
        ("marginmode", "margintype", "isolated", "crossmargin", "tdmode"),
        "Margin modes can't be changed here: set the account's at the exchange",
    ),
}

#: What rows of lists show. A list that has no filter for one of these can't be filtered by it, which is said, not ignored.
ROW_WORDS = frozenset(
    [
        "account",
        "accountname",
        "accountnames",
        "accounts",
        "amount",
        "connector",
        "connectorname",
        "connectornames",
        "connectors",
        "end",
        "endtime",
        "errorcode",
        "exchange",
        "exchanges",
        "feecurrency",
        "from",
        "liquidity",
        "market",
        "markets",
        "maxamount",
        "minamount",
        "ordertype",
        "ordertypes",
        "pair",
        "pairs",
        "positionaction",
        "positionside",
        "price",
        "reduceonly",
        "side",
        "sides",
        "since",
        "start",
        "starttime",
        "state",
        "states",
        "status",
        "statuses",
        "symbol",
        "symbols",
        "timeinforce",
        "to",
        "token",
        "tokens",
        "tradetype",
        "tradetypes",
        "tradingpair",
        "tradingpairs",
        "type",
        "types",
        "until",
    ]
)

#: Headers that browsers, proxies, clients and tracing add by themselves, or that the edge reads; none is meant for an operation.
ORDINARY_HEADERS = frozenset(
    (
        b"accept accept-charset accept-encoding accept-language authorization baggage cache-control cdn-loop cf-connecting-ip "
        b"cf-ipcountry cf-ray cf-visitor connection content-encoding content-length content-type cookie date dnt expect "
        b"fly-client-ip forwarded from host if-modified-since if-none-match keep-alive origin postman-token pragma priority "
        b"range referer sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site "
        b"sec-fetch-user sec-gpc te traceparent tracestate trailer transfer-encoding true-client-ip upgrade "
        b"upgrade-insecure-requests user-agent via x-amzn-trace-id x-b3-sampled x-b3-spanid x-b3-traceid x-cloud-trace-context "
        b"x-correlation-id x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-server x-real-ip "
        b"x-request-id x-request-start x-requested-with"
    ).split()
)
