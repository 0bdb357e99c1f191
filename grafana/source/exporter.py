"""Lay out the Exporter health: does it poll, is it scraped, does it keep within its means."""

from . import queries as q
from .dashboards import account, dashboard, exchange, heading, source, variable
from .look import (
    BAD,
    BY_EXCHANGE,
    DASHES,
    GOOD,
    NO_ACCOUNT,
    QUIET,
    SECONDS,
    WARNING,
    WORDS,
    fixed,
    override,
    steps,
    tones,
    words,
)
from .panels import chart, not_seen, now, query, runbooks, stat
from .process import (
    COLLECTIONS,
    CPU,
    DOWN,
    EXPORTER_DOWN,
    FILES,
    LAG_OVER_TIME,
    LOGS,
    MEMORY,
    SCRAPES,
    SERIES,
    UP,
    own,
)
from .tables import column, duration, state, table

ours = q.SEVERAL
POLLS = ours.select("exchange_account_polls_total")
FAILED = ours.select("exchange_account_poll_failures_total")
INTERVAL = ours.each("exchange_account_poll_interval_seconds")
TURN = ours.each("exchange_account_poll_duration_seconds")
OFFSET = ours.select("exchange_account_clock_offset_seconds")
FAILED_POLLS = f"(sum by (exchange, account, reason) (increase({FAILED}[$__range])) >= 0.5)"
WORKED = (
    f"1 - sum(increase({FAILED}[1h])) / (sum(increase({POLLS}[1h])) > 0) and on () max({UP}) == 1"
)
POLLED = [EXPORTER_DOWN, not_seen(ours)]
BUILDS = (
    "max by (job, instance, version, revision, python_version)"
    f" ({own('exchange_exporter_build_info')})"
)
REACHED = stat(
    "Exporters up",
    "How many of the exporters Prometheus reaches. Fewer than all: nothing is measured for their"
    " accounts. See whether the process runs and whether its port is reachable from Prometheus.",
    now(q.or_word(q.n_of_m(UP), "share", "no exporter is seen"), "{{share}}"),
    color=steps((None, QUIET), (0, BAD), (1, GOOD)),
    text="name",
    links=DOWN,
)

COUNTED = stat(
    "Accounts up and complete",
    "How many of the selected accounts are up and complete. Fewer than all: the treasury's sums"
    " are withheld. See Accounts that fail below.",
    now(q.or_word(q.n_of_m(ours.ready()), "share", NO_ACCOUNT), "{{share}}"),
    color=steps((None, QUIET), (0, BAD), (1, GOOD)),
    text="name",
    links=runbooks("ExchangeAccountDown", "ExchangeAllAccountsDown", "ExchangeTooFewAccounts"),
)

POLLS_THAT_WORKED = stat(
    "Polls that worked",
    "The share of polls that worked in the last hour, over the selected accounts. Below 100 % now"
    " and then is the life of networks; for long, see the failed polls below.",
    now(WORKED),
    unit="percentunit",
    decimals=1,
    color=steps((None, QUIET), (0, BAD), (0.8, WARNING), (0.98, GOOD)),
    empty="no poll is seen",
    links=runbooks("ExchangeAccountDown"),
)

CONFIGURATION = stat(
    "Configuration",
    "Whether the last reload was taken over. Refused: the exporter goes on with the configuration"
    " before it. Run exchange-balance-exporter --config.check: it names every problem.",
    now(f"min({own('exchange_exporter_config_last_reload_successful')})"),
    mappings=[words({0: ("Refused", BAD), 1: ("Taken over", GOOD)})],
    empty="not seen",
    size=24,
    links=runbooks("ExchangeConfigReloadFailed"),
)

LAG = stat(
    "Event loop lag",
    "The longest time in the last minute for which the exporter kept itself waiting. Above half a"
    " second it is short of processor, and polls and scrapes wait.",
    now(f"max({own('exchange_exporter_event_loop_lag_seconds')})"),
    unit="s",
    decimals=1,
    color=steps((None, QUIET), (0, GOOD), (0.1, WARNING), (0.5, BAD)),
    empty="not seen",
    links=runbooks("ExchangeEventLoopLag"),
)

RUNNING = stat(
    "Running for",
    "Time since the youngest exporter process started. A few minutes, again and again: it is being"
    " restarted, so read its log's last lines. No balance survives a restart.",
    now(f"time() - max({own('process_start_time_seconds')})"),
    unit=WORDS,
    empty="not seen",
    size=24,
)

POLL_RATE = chart(
    "Polls in a minute, by exchange",
    "How many requests each exchange gets from here. BtcTurk allows 120 in a minute from one"
    " address; the exporter stretches the intervals to stay below. Much less than before: accounts"
    " wait after failures.",
    query(
        f"60 * sum by (exchange) (rate({POLLS}[$__rate_interval]))",
        "{{exchange}}",
    ),
    decimals=1,
    links=runbooks("ExchangeRateLimited", "ExchangeAccountPolledTwice"),
    overrides=BY_EXCHANGE,
    shades=POLLED,
)

FAILURES = chart(
    "Failed polls in a minute, by reason",
    "Polls that failed in a minute, over the selected accounts. Flat at none is good. One reason"
    " at many accounts: the exchange or the network; at one account: its key. Accounts that fail"
    " below names them.",
    query(f"60 * sum by (reason) (rate({FAILED}[$__rate_interval])) > 0", "{{reason}}"),
    query(f"0 * count({ours.select('exchange_account_up')})", "none"),
    decimals=1,
    style="bars",
    soft_max=5,
    color=tones(BAD),
    shades=POLLED,
    overrides=[override("B", color=fixed(GOOD))],
    links=runbooks("ExchangeAccountDown", "ExchangeAllAccountsDown"),
)

DURATION = chart(
    "Poll duration, by exchange",
    "How long polls take: the median and the slowest account of each exchange. Near the timeout"
    " (10 s unless configured otherwise) polls fail: check the network, or the exchange's status.",
    query(f"quantile by (exchange) (0.5, {TURN})", "{{exchange}} median"),
    query(f"max by (exchange) ({TURN})", "{{exchange}} slowest"),
    unit="s",
    overrides=[*BY_EXCHANGE, override("B", custom__lineWidth=1, custom__lineStyle=DASHES)],
    shades=POLLED,
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
    shades=POLLED,
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
    shades=POLLED,
)

FAILING = table(
    "Accounts that fail",
    "Every account with a failed poll in the selected time, by reason, the worst first; and whether"
    " it is up now. Click an account for its detail; the runbook says what to do for each reason.",
    [
        q.or_row(FAILED_POLLS, "account", "no poll failed"),
        f"{ours.state} and on (exchange, account) {FAILED_POLLS}",
        f"{ours.age} and on (exchange, account) {FAILED_POLLS}",
    ],
    [
        state("B", "Now", 120, {1: ("Up", GOOD), 0: ("Down", BAD), -1: ("Exporter down", BAD)}),
        column("exchange", "Exchange", 110),
        column(
            "account",
            "Account",
            None,
            links=[
                {
                    "title": "Open the account",
                    "url": "/d/exchange-account?${datasource:queryparam}"
                    "&var-exchange=${__data.fields.Exchange}"
                    "&var-account=${__data.fields.Account}&${__url_time_range}",
                }
            ],
        ),
        column("reason", "Reason", 160),
        column("Value #A", "Failed polls", 120, decimals=0),
        duration("C", "Age of balances", 160),
    ],
    sort="Failed polls",
    descending=True,
    links=runbooks("ExchangeAccountDown", "ExchangeAuthenticationFailing"),
)

EXPORTERS_TABLE = table(
    "Exporters",
    "Every exporter and what it runs. Different versions: an upgrade is not finished. Taken over"
    " is when the configuration in use was read.",
    [
        q.or_row(f"min by (job, instance) ({UP})", "instance", "no exporter is seen"),
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
        column("job", "Job", 200),
        column("instance", "Instance", None),
        column("version", "Version", 120),
        column("revision", "Revision", 120),
        column("python_version", "Python", 120),
        column("Value #C", "Configuration taken over", 200, unit="dateTimeAsIso"),
        column("Value #D", "Started", 200, unit="dateTimeAsIso"),
    ],
    sort="State",
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
    "Exporter health",
    "Whether the exporter polls, is scraped, and keeps within its means.",
    [source(), JOB, INSTANCE, exchange(several=True), account(several=True)],
    [
        (
            4,
            (4, REACHED),
            (4, COUNTED),
            (4, POLLS_THAT_WORKED),
            (4, CONFIGURATION),
            (4, LAG),
            (4, RUNNING),
        ),
        heading("Does it poll?"),
        (8, (12, POLL_RATE), (12, FAILURES)),
        (6, (24, FAILING)),
        (7, (8, DURATION), (8, PACE), (8, CLOCK)),
        heading("Is it scraped, and does it keep within its means?"),
        (7, (6, SCRAPES), (6, LAG_OVER_TIME), (6, SERIES), (6, LOGS)),
        (7, (6, CPU), (6, MEMORY), (6, COLLECTIONS), (6, FILES)),
        (5, (24, EXPORTERS_TABLE)),
    ],
)
