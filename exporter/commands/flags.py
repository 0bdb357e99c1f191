"""List every flag and argument of the command line, each as one literal."""

from pathlib import Path

from exporter.commands import flag_values as values
from exporter.commands.assets import JOB, RUNBOOKS_URL, Format
from exporter.commands.command_line import Argument, CommandLine, Flag, FlagGroup
from exporter.daemon import Options
from exporter.web.addresses import parse_address

_DEFAULTS = Options()


CONFIG_FILE = Flag(
    "config.file",
    "configuration: a file, a folder of *.yaml and *.yml, or a glob such as conf.d/*.yaml; "
    "repeatable, accounts add up",
    Path,
    (Path("config.yaml"),),
    metavar="PATH",
    is_repeatable=True,
)
AUTO_RELOAD = Flag(
    "config.auto-reload-interval",
    "how often to look for changed configuration files and reload them; 0 turns this off",
    values.reload_interval,
    _DEFAULTS.auto_reload_interval,
    metavar="DURATION",
    shown_default="0s",
    since="0.2.0",
)
CHECK = Flag(
    "config.check",
    "validate the configuration, print every problem with its place, and exit; "
    "--config.check=syntax needs neither secrets nor variables",
    values.one_of("true", "syntax", "false"),
    "false",
    metavar="syntax",
    is_switch=True,
)
CONFIG = FlagGroup("configuration", (CONFIG_FILE,))
DAEMON_CONFIG = FlagGroup("configuration", (CONFIG_FILE, CHECK, AUTO_RELOAD))
HEALTH_CONFIG = FlagGroup("configuration, as the daemon has it", (CONFIG_FILE, AUTO_RELOAD))
SHARDS = FlagGroup(
    "shards",
    (
        Flag(
            "shard",
            "number of this shard, from 0: it polls its part of the configuration's accounts",
            values.not_negative,
            _DEFAULTS.shard.number,
            metavar="K",
            since="0.2.0",
        ),
        Flag(
            "total-shards",
            "how many shards poll the accounts of the configuration",
            values.positive,
            _DEFAULTS.shard.total,
            metavar="N",
            since="0.2.0",
        ),
        Flag(
            "shard.shared-egress",
            "whether all shards reach the exchanges from one address: then they divide its rate "
            "limits among them",
            values.boolean,
            _DEFAULTS.shard.shared_egress,
            metavar="true|false",
            is_switch=True,
            shown_default="true",
            since="0.2.0",
        ),
    ),
)
WEB = FlagGroup(
    "serving",
    (
        Flag(
            "web.listen-address",
            "address to serve on: host:port, [ipv6]:port, :port or unix:/path; repeatable, "
            "port 0 picks a free one",
            parse_address,
            _DEFAULTS.listen_addresses,
            metavar="ADDRESS",
            is_repeatable=True,
        ),
        Flag(
            "web.health-listen-address",
            "address that serves /-/healthy and /-/ready alone, without TLS and login; repeatable, "
            "port 0 picks a free one",
            parse_address,
            _DEFAULTS.health_listen_addresses,
            metavar="ADDRESS",
            is_repeatable=True,
            since="0.2.0",
        ),
        Flag(
            "web.systemd-socket",
            "serve on the sockets that systemd opened, not on listen addresses",
            values.boolean,
            _DEFAULTS.systemd_socket,
            metavar="true|false",
            is_switch=True,
            since="0.2.0",
        ),
        Flag(
            "web.config.file",
            "TLS, client certificates and users, in the format of Prometheus' exporter-toolkit",
            Path,
            _DEFAULTS.web_config_file,
            metavar="FILE",
        ),
        Flag(
            "web.allowed-host",
            "host name that requests may be sent to; repeatable. Without this flag a loopback "
            "address serves localhost and IP addresses, any other address serves every name",
            values.host,
            _DEFAULTS.allowed_hosts,
            metavar="HOST",
            is_repeatable=True,
            since="0.2.0",
        ),
        Flag(
            "web.telemetry-path",
            "path of the metrics",
            values.telemetry_path,
            _DEFAULTS.telemetry_path,
            metavar="PATH",
        ),
        Flag(
            "web.enable-lifecycle",
            "allow POST /-/reload",
            values.boolean,
            _DEFAULTS.enable_lifecycle,
            metavar="true|false",
            is_switch=True,
        ),
        Flag(
            "web.disable-exporter-metrics",
            "omit process_* and python_*; alerts on restarts and descriptors need process_*",
            values.boolean,
            _DEFAULTS.disable_exporter_metrics,
            metavar="true|false",
            is_switch=True,
            since="0.2.0",
        ),
        Flag(
            "web.max-requests",
            "maximum concurrent large responses; excess requests get 503",
            values.positive,
            _DEFAULTS.max_requests,
            metavar="N",
        ),
    ),
)
LOG = FlagGroup(
    "logging, to stderr",
    (
        Flag(
            "log.level",
            "debug, info, warning or error",
            values.log_level,
            "info",
            metavar="LEVEL",
        ),
        Flag(
            "log.format",
            "logfmt or json",
            values.one_of("logfmt", "json"),
            "logfmt",
            metavar="FORMAT",
        ),
    ),
)
POLL = FlagGroup(
    "polling",
    (
        Flag(
            "format",
            "table or json, which has exact decimal strings",
            values.one_of("table", "json"),
            "table",
            metavar="FORMAT",
        ),
        Flag(
            "account",
            "poll only accounts of this name; repeatable",
            str,
            (),
            metavar="NAME",
            is_repeatable=True,
            since="0.2.0",
        ),
        Flag(
            "exchange",
            "poll only accounts at this exchange; repeatable",
            str,
            (),
            metavar="NAME",
            is_repeatable=True,
            since="0.2.0",
        ),
    ),
)
SIMULATOR = FlagGroup(
    "simulated exchanges",
    (
        Flag(
            "fault",
            "fault to inject; repeatable; options: exchange, account, call, times, probability, "
            "after, lasting",
            values.fault,
            (),
            metavar="NAME[:OPTION=VALUE,...]",
            is_repeatable=True,
            split=values.split_faults,
        ),
        Flag(
            "list-faults",
            "list all faults, and exit",
            values.boolean,
            default=False,
            metavar="true|false",
            is_switch=True,
        ),
        Flag(
            "accounts",
            "accounts at each exchange",
            values.positive,
            metavar="N",
            shown_default="two with descriptive names",
        ),
        Flag("assets", "assets of each account", values.positive, metavar="N"),
        Flag("seed", "seed of the balances", values.whole_number, 0, metavar="N"),
    ),
)
SIMULATE = FlagGroup(
    "serving",
    (
        Flag(
            "listen",
            "address to serve on",
            values.tcp_address,
            parse_address("127.0.0.1:0"),
            metavar="ADDRESS",
        ),
        Flag(
            "write-config", "write a configuration for the accounts to a file", Path, metavar="FILE"
        ),
        Flag(
            "no-limits",
            "accept any number of requests, for measurements",
            values.boolean,
            default=False,
            metavar="true|false",
            is_switch=True,
            since="0.2.0",
        ),
    ),
)
ASSETS = FlagGroup(
    "what is written",
    (
        Flag(
            "runbooks-url",
            "base URL of the runbooks",
            values.url,
            RUNBOOKS_URL,
            metavar="URL",
            shown_default="the repository",
            since="0.2.0",
        ),
        Flag(
            "job",
            "job of the exporter in Prometheus",
            values.job,
            JOB,
            metavar="NAME",
            since="0.2.0",
        ),
        Flag(
            "format",
            "files, or objects of Kubernetes: prometheusrule, or configmap with rules and "
            "dashboards",
            values.one_of(*(each.value for each in Format)),
            Format.FILES.value,
            metavar="FORMAT",
            since="0.2.0",
        ),
    ),
)

DAEMON = CommandLine("", "run the daemon", (DAEMON_CONFIG, WEB, SHARDS, LOG))
COMMANDS = (
    CommandLine("poll", "poll every account once and print the balances", (CONFIG, POLL, LOG)),
    CommandLine(
        "config",
        "print a commented configuration, or the JSON Schema of a configuration for editors",
        (LOG,),
        (Argument("ACTION", "init or schema", values.one_of("init", "schema")),),
    ),
    CommandLine("simulate", "run the simulated exchanges alone", (SIMULATOR, SIMULATE, LOG)),
    CommandLine(
        "healthcheck",
        "request the health page of a running daemon",
        (HEALTH_CONFIG, WEB, SHARDS, LOG),
        (
            Argument(
                "URL",
                "page that must respond with 200; without a path /-/healthy, which a login may "
                "guard. By default the first health address, or else the first listen address, of "
                "the daemon's flags",
                str,
                is_optional=True,
            ),
        ),
        is_probe=True,
    ),
    CommandLine(
        "demo", "run the daemon on simulated exchanges: no account, no key", (SIMULATOR, WEB, LOG)
    ),
    CommandLine(
        "assets",
        "write the rules, dashboards, runbooks and examples of this version",
        (ASSETS, LOG),
        (Argument("DIR", "folder to write them to", Path),),
    ),
)
