"""Lay out the Exporter health: does it poll, is it scraped, does it keep within its means."""

from . import apis
from . import queries as q
from .dashboards import account, dashboard, exchange, folded, heading, source, variable
from .events import events
from .look import (
    BAD,
    BY_EXCHANGE,
    DASHES,
    GOOD,
    MISSING,
    QUIET,
    SECONDS,
    WARNING,
    WORDS,
    nan,
    override,
    steps,
    tones,
    words,
)
from .panels import chart, good_line, now, query, runbooks, stat
from .process import (
    COLLECTIONS,
    CPU,
    DOWN,
    FILES,
    LAG_OVER_TIME,
    LOGS,
    MEMORY,
    SCRAPES,
    SERIES,
    UP,
    own,
)
from .states import ACCOUNT_LINK, STATES, n_of_m
from .tables import column, duration, state, table

ours = q.SEVERAL
FAILED = ours.select(q.FAILURES)
INTERVAL = ours.select("exchange_account_poll_interval_seconds")
TURN = ours.select("exchange_account_poll_duration_seconds")
OFFSET = ours.select("exchange_account_clock_offset_seconds")
NEXT = f"({ours.each('exchange_account_next_poll_timestamp_seconds')} - time() > 0)"
FAILED_POLLS = f"(sum by (exchange, account, reason) (increase({FAILED}[$__range])) >= 0.5)"
POLLS_OF_AN_HOUR = ours.select("exchange_account_polls_total")
# Thin series, to find the accounts before their failures are counted.
FAILED_AT_ALL = (
    f"group by (exchange, account) (present_over_time({ours.select(q.FAILURES_OF_AN_HOUR)}"
    "[$__range]))"
)
# A ban stops the polls of an account; it is down though none of its polls fails.
LISTED = (
    f"({FAILED_AT_ALL} or group by (exchange, account)"
    f" ({ours.each('exchange_account_up')} == 0 or {ours.state} == 3))"
)
NONE_FAILED = q.named(
    f"NaN * (sum(increase({FAILED}[$__range])) < 0.5)", "exchange", "no poll failed"
)
WORKED = (
    f"1 - sum(increase({FAILED}[1h])) / (sum(increase({POLLS_OF_AN_HOUR}[1h])) > 0)"
    f" and on () max({UP}) == 1"
)
BUILDS = (
    "max by (job, instance, version, revision, python_version)"
    f" ({own('exchange_exporter_build_info')})"
)
SHARE_UP = (
    f'label_join(count_values("n", sum({UP})) * on () group_left (m)'
    f' count_values("m", count({UP})), "share", " of ", "n", "m")'
    f" * on () group_left () avg({UP})"
)
REACHED = stat(
    "Exporters up",
    "How many of the exporters Prometheus reaches. Fewer than all: nothing is measured for their"
    " accounts. See whether the process runs and whether its port is reachable from Prometheus.",
    now(f"{SHARE_UP} or on () " + q.named("vector(-1)", "share", "no exporter"), "{{share}}"),
    color=steps((None, QUIET), (0, BAD), (1, GOOD)),
    text="name",
    links=DOWN,
)

POLLS_THAT_WORKED = stat(
    "Polls that worked",
    "The share of polls that worked in the last hour, over the selected accounts. Below 100 % now"
    " and then is the life of networks; for long, see the failed polls below.",
    now(WORKED),
    unit="percentunit",
    decimals=1,
    color=steps((None, QUIET), (0, BAD), (0.8, WARNING), (0.98, GOOD)),
    links=runbooks("ExchangeAccountDown"),
)

CONFIGURATION = stat(
    "Configuration",
    "Whether the last reload was accepted. Rejected: the exporter keeps the previous configuration."
    " Run exchange-balance-exporter --config.check: it names every problem.",
    now(f"min({own('exchange_exporter_config_last_reload_successful')})"),
    mappings=[words({0: ("Rejected", BAD), 1: ("Accepted", GOOD)})],
    size=24,
    links=runbooks("ExchangeConfigReloadFailed"),
)

LAG = stat(
    "Event loop lag",
    "The longest delay of the event loop within the last minute. Above half a second the exporter"
    " lacks CPU time, and polls and scrapes wait.",
    now(f"max({own('exchange_exporter_event_loop_lag_seconds')})"),
    unit="s",
    decimals=1,
    color=steps((None, QUIET), (0, GOOD), (0.1, WARNING), (0.5, BAD)),
    links=runbooks("ExchangeEventLoopLag"),
)

RUNNING = stat(
    "Running for",
    "Time since the youngest exporter process started. A few minutes, again and again: it is being"
    " restarted, so read its log's last lines. No balance survives a restart.",
    now(f"time() - max({own('process_start_time_seconds')})"),
    unit=WORDS,
    size=24,
)

FAILURES = chart(
    "Failed polls per minute, by reason",
    "Polls of the selected accounts that failed. A green line at 0: none failed. No line: it is not"
    " known. One reason at many accounts: the exchange or the network; at one account: its key."
    " Accounts that fail below names them.",
    query(f"60 * {ours.failure_rate} > 0", "{{reason}}"),
    query(f"sum({ours.failure_rate}) == 0", "none"),
    decimals=1,
    style="bars",
    soft_max=1,
    color=tones(BAD),
    shades=apis.POLLED,
    overrides=[good_line("B")],
    links=runbooks("ExchangeAccountDown", "ExchangeAllAccountsDown", "ExchangePollsFailing"),
)

DURATION = chart(
    "Poll duration, by exchange",
    "How long polls take: the median and the slowest account of each exchange. Near the timeout"
    " (10 s unless configured otherwise) polls fail: check the network, or the exchange's status.",
    query(f"quantile by (exchange) (0.5, {TURN})", "{{exchange}} median"),
    query(f"max by (exchange) ({TURN})", "{{exchange}} slowest"),
    unit="s",
    overrides=[*BY_EXCHANGE, override("B", custom__lineWidth=1, custom__lineStyle=DASHES)],
    shades=apis.POLLED,
)

PACE = chart(
    "Poll interval, by exchange",
    "How often accounts are polled, as paced: the longest of each exchange. Longer than configured:"
    " there are more accounts than the exchange's limit for one address allows; spread them over"
    " more exporters on more addresses.",
    query(f"max by (exchange) ({INTERVAL})", "{{exchange}}"),
    unit=SECONDS,
    decimals=0,
    style="steps",
    links=runbooks("ExchangeRateLimited"),
    overrides=BY_EXCHANGE,
    shades=apis.POLLED,
)

CLOCK = chart(
    "Clock offset, by exchange",
    "The exchange's clock minus ours: the highest and the lowest of each exchange. All exchanges"
    " off alike: synchronise this machine's clock (NTP). One alone: its clock is off.",
    query(f"max by (exchange) ({OFFSET})", "{{exchange}} highest"),
    query(f"min by (exchange) ({OFFSET})", "{{exchange}} lowest"),
    unit="s",
    soft_min=-2,
    soft_max=2,
    overrides=[*BY_EXCHANGE, override("B", custom__lineWidth=1, custom__lineStyle=DASHES)],
    links=runbooks("ExchangeClockOffset"),
    shades=apis.POLLED,
)

FAILING = table(
    "Accounts that fail",
    "Every account with a failed poll in the selected time, by reason, and every account that is"
    " down, the worst first; its state now, and when it is polled next. No time of the next poll:"
    " the account waits for its rate limit; see Rate limits below. Click an account for its detail;"
    " the runbook says what to do for each reason.",
    [
        q.or_row(
            f"{FAILED_POLLS} and on (exchange, account) {FAILED_AT_ALL}"
            f" or on (exchange, account) 0 * {LISTED} or on () {NONE_FAILED}",
            "exchange",
            "no poll is known",
        ),
        f"{ours.state} and on (exchange, account) {LISTED}",
        f"{ours.age} and on (exchange, account) {LISTED}",
        f"{NEXT} and on (exchange, account) {LISTED}",
    ],
    [
        state("B", "Now", 120, STATES),
        column("exchange", "Exchange", 140),
        column("account", "Account", None, links=ACCOUNT_LINK),
        column("reason", "Reason", 160),
        column("Value #A", "Failed polls", 120, decimals=0, mappings=[nan(MISSING, QUIET)]),
        duration("C", "Age of balances", 160),
        duration("D", "Next poll in", 160),
    ],
    sort=[("Now", True), ("Failed polls", True)],
    links=runbooks("ExchangeAccountDown", "ExchangeAuthenticationFailing"),
)

EXPORTERS_TABLE = table(
    "Exporters",
    "Every exporter and what it runs. Different versions: an upgrade is not finished. Loaded is"
    " when the configuration in use was read.",
    [
        f"min by (job, instance) ({UP})",
        BUILDS,
        *(
            f"1000 * max by (job, instance) ({own(metric)})"
            for metric in (
                "exchange_exporter_config_last_reload_success_timestamp_seconds",
                "process_start_time_seconds",
            )
        ),
    ],
    [
        state("A", "State", 95, {1: ("Up", GOOD), 0: ("Down", BAD)}),
        column("job", "Job", 210),
        column("instance", "Instance", None),
        column("version", "Version", 120),
        column("revision", "Revision", 120),
        column("python_version", "Python", 120),
        column("Value #C", "Configuration loaded", 200, unit="dateTimeAsIso"),
        column("Value #D", "Started", 200, unit="dateTimeAsIso"),
    ],
    sort=[("State", False)],
    links=DOWN,
)

JOB = variable(
    "job", "Job", "label_values(exchange_exporter_build_info, job)", several=True, every=None
)
INSTANCE = variable(
    "instance",
    "Instance",
    'label_values(exchange_exporter_build_info{job=~"$job"}, instance)',
    several=True,
    every=None,
)

DASHBOARD = dashboard(
    "exchange-exporter",
    "Whether the exporter polls, is scraped, and keeps within its means.",
    [source(), JOB, INSTANCE, exchange(), account()],
    [
        (
            4,
            (4, REACHED),
            (5, n_of_m("Accounts in totals")),
            (4, POLLS_THAT_WORKED),
            (4, CONFIGURATION),
            (3, LAG),
            (4, RUNNING),
        ),
        heading("Does it poll?"),
        (8, (12, apis.REQUESTS_SENT), (12, FAILURES)),
        (6, (24, FAILING)),
        (7, (8, DURATION), (8, PACE), (8, CLOCK)),
        heading("How do the exchanges respond?"),
        (7, (12, apis.REQUEST_DURATION), (12, apis.FAILED_REQUESTS)),
        (6, (24, apis.RATE_LIMITS)),
        folded("Price sources and keys", (6, (24, apis.SOURCES)), (6, (24, apis.KEYS))),
        heading("Is it scraped, and what runs?"),
        (7, (12, SCRAPES), (12, SERIES)),
        (5, (24, EXPORTERS_TABLE)),
        folded(
            "The process: log, event loop, CPU, memory, files",
            (7, (8, LOGS), (8, LAG_OVER_TIME), (8, CPU)),
            (7, (8, MEMORY), (8, COLLECTIONS), (8, FILES)),
        ),
    ],
    events(ours.matchers, ', exchange=~"|$exchange", account=~"|$account"'),
)
