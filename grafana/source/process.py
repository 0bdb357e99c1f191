"""Make the panels of Exporter health about the process: its scrapes, its log and its means."""

from .look import BAD, DASHES, QUIET, TOTAL, WARNING, fixed, override, tones
from .panels import chart, good_line, none_failed, query, runbooks

TARGET = 'job=~"$job", instance=~"$instance"'
UP = f"up{{{TARGET}}}"
DOWN = runbooks("ExchangeExporterDown", "ExchangeExporterAbsent", "ExchangeExporterRestarting")
EXPORTER_DOWN = (query(f"1 + 0 * (min({UP}) == 0)", "an exporter is down"), BAD)
NO_EXPORTER = (query(f"vector(1) unless on () count({UP})", "no exporter is known"), QUIET)
SCRAPED = [EXPORTER_DOWN, NO_EXPORTER]
OF_INSTANCE = "{{instance}}"


def own(metric: str) -> str:
    """Return a figure of the exporter itself."""
    return f"{metric}{{{TARGET}}}"


SCRAPES = chart(
    "Scrape duration",
    "How long Prometheus took to scrape the exporter. A scrape only reads memory, so more than a"
    " second means a slow network or no CPU time.",
    query(own("scrape_duration_seconds"), OF_INSTANCE),
    unit="s",
    links=[*DOWN, *runbooks("ExchangeScrapedTooRarely")],
    color=tones(TOTAL),
    shades=SCRAPED,
)

SERIES = chart(
    "Series",
    "How many series of balances and accounts are exposed, and how many samples Prometheus took in"
    " one scrape. A fall: balances were withdrawn, or accounts removed. Samples at zero: the scrape"
    " failed, or a limit of the scrape configuration is too low.",
    query(own("exchange_exporter_series"), f"{OF_INSTANCE} exposed"),
    query(own("scrape_samples_scraped"), f"{OF_INSTANCE} scraped"),
    decimals=0,
    style="steps",
    overrides=[override("B", custom__lineWidth=1, custom__lineStyle=DASHES)],
    color=tones(TOTAL),
    shades=SCRAPED,
    links=runbooks("ExchangeSampleLimitNear"),
)

LOGS = chart(
    "Log messages, by level",
    "Messages logged in each step. A green line at 0: none. Warnings mark the start of an outage"
    " and say what to do; errors are bugs of the exporter: please report them.",
    query(
        "sum by (level) (increase("
        f"{own('exchange_exporter_log_messages_total')}[$__rate_interval])) > 0",
        "{{level}}",
    ),
    none_failed(own("exchange_exporter_log_messages_total")),
    decimals=1,
    style="bars",
    soft_max=1,
    shades=SCRAPED,
    overrides=[
        good_line("B"),
        *(
            override(level, "byName", color=fixed(color))
            for level, color in (
                ("debug", QUIET),
                ("info", QUIET),
                ("warning", WARNING),
                ("error", BAD),
                ("critical", BAD),
            )
        ),
    ],
    links=runbooks("ExchangeExporterErrors"),
)

LAG_OVER_TIME = chart(
    "Event loop lag over time",
    "The longest delay of the event loop within each minute. Above half a second, again and again:"
    " give it more CPU, or look for more scrapers than expected.",
    query(own("exchange_exporter_event_loop_lag_seconds"), OF_INSTANCE),
    unit="s",
    color=tones(TOTAL),
    shades=SCRAPED,
    links=runbooks("ExchangeEventLoopLag"),
)

COLLECTIONS = chart(
    "Garbage collections in a minute",
    "How often Python looks for memory to free, by generation. Many of generation 2 while the"
    " memory rises: a bug, please report it.",
    query(
        f"60 * sum by (generation) (rate({own('python_gc_collections_total')}[$__rate_interval]))",
        "generation {{generation}}",
    ),
    decimals=1,
    shades=SCRAPED,
)

CPU = chart(
    "CPU",
    "The share of one core that the exporter uses. Near 100 % polls and scrapes are late: give it"
    " more, or look for far more scrapers than expected.",
    query(f"rate({own('process_cpu_seconds_total')}[$__rate_interval])", OF_INSTANCE),
    unit="percentunit",
    decimals=1,
    soft_max=0.05,
    color=tones(TOTAL),
    shades=SCRAPED,
)

MEMORY = chart(
    "Memory",
    "Resident memory of the exporter. It follows the number of series; a rise without more series"
    " is a bug: please report it.",
    query(own("process_resident_memory_bytes"), OF_INSTANCE),
    unit="bytes",
    decimals=0,
    color=tones(TOTAL),
    shades=SCRAPED,
)

FILES = chart(
    "Open files",
    "Open files and connections as a share of what the process may open. Near 100 % new connections"
    " are rejected: look for clients that never close, or raise the limit.",
    query(f"{own('process_open_fds')} / {own('process_max_fds')}", OF_INSTANCE),
    unit="percentunit",
    decimals=1,
    soft_max=0.1,
    color=tones(TOTAL),
    shades=SCRAPED,
    links=runbooks("ExchangeFileDescriptorsLow"),
)
