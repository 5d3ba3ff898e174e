//! Configuration files to start from: every key with its default, or an example where it has none.

/// An SMP's.
pub const SMP_EXAMPLE: &str = r##"# A countersign SMP. Every key may be left out; what is shown is its default, or commented out where it has none.
# Paths are seen from the folder of this file. SIGHUP reads it again: `approved_sites`, `registered_max`, what policy carries
# of `parameters`, and of `[log]` all but the format apply at once; what else differs needs a restart. The log names both.

# What others call this server. Default: its scheme and the address of its door.
# origin = "https://smp.example:8443"
listen = "127.0.0.1:8080"       # port 0: the system chooses one, and the log tells it
state = "countersign-smp"       # keys and database; nobody but its owner may read it
profile = "hardened"            # or "literal": the documents' protocol, holes included
crypto = "aws-lc"               # or "rsa": pure Rust, slower, and its decryption leaks through its timing
approved_sites = []             # of site servers that may register: { id = "...", kid = "..." }, as each logs its own
registered_max = 1_000_000      # nodes beyond which no new agent may register

# [tls]                         # without it connections are plain, and batch answers are encrypted to the site's key
# certificate = "smp.pem"
# key = "smp.key"

[admin]
listen = "127.0.0.1:8070"       # loopback only; the secret is in the file `admin.secret` of the state folder

[metrics]
listen = "127.0.0.1:8090"       # /metrics for Prometheus, /healthz and /readyz
off = false

[log]
level = "info"                  # error, warn, info, debug or trace
format = "text"                 # or "json"
severity = 0                    # records beside it: 1 error, 2 warning, 4 info, 8 trace, 0x10 verbose, 0x20 debug, added
module_severity = 0             # 32 (0x20): each request and its answer; must be on in `severity` too
filter = []                     # only records with one of these words, such as "Token registry"

[parameters]                    # `countersign schema smp` lists them all
token_lifetime = "1h"
policy_interval = "15m"
"##;

/// A site server's.
pub const SITE_EXAMPLE: &str = r##"# A countersign site server. Keys that are shown have their default, or are commented out where they have none.
# Paths are seen from the folder of this file. SIGHUP turns the log, all but its format; what else differs needs a restart.

# What others call this server. Default: its scheme and the address of its door.
# origin = "https://site-1.example:8443"
listen = "127.0.0.1:8081"       # port 0: the system chooses one, and the log tells it
state = "countersign-site"      # its key and its latest policy; nobody but its owner may read it
profile = "hardened"            # or "literal": the documents' protocol, holes included
crypto = "aws-lc"               # or "rsa": pure Rust, slower, and its decryption leaks through its timing

[smp]                           # needed, here or as --smp and --pin
# origin = "http://127.0.0.1:8080"
# pin = "…"                     # what the SMP logs as `pin`, and keeps in the file `pin` of its state folder
# trust = "smp-ca.pem"          # for an https origin: the certificates that the SMP's must lead to

# [tls]                         # without it connections are plain
# certificate = "site.pem"
# key = "site.key"

[metrics]
listen = "127.0.0.1:8091"       # /metrics for Prometheus, /healthz and /readyz
off = false

[log]
level = "info"                  # error, warn, info, debug or trace
format = "text"                 # or "json"
severity = 0                    # records beside it: 1 error, 2 warning, 4 info, 8 trace, 0x10 verbose, 0x20 debug, added
module_severity = 0             # 32 (0x20): each request and its answer; must be on in `severity` too
filter = []                     # only records with one of these words, such as "Token registry"

[parameters]                    # `countersign schema site` lists them all; policy has the last word on the fleet's
keep_alive_idle = "120s"
upstream_slots = 32
"##;

/// A portal's.
pub const PORTAL_EXAMPLE: &str = r##"# A countersign portal: front end, automation, administration and portlet server in one process. Keys that are shown have
# their default, or are commented out where they have none. Paths are seen from the folder of this file. SIGHUP turns
# `log.level`; what else differs needs a restart. `GET /` of each door lists its paths.

# What others call the front end. Default: http:// and the address of its door.
# origin = "http://portal.example:8084"
listen = "127.0.0.1:8084"       # port 0: the system chooses one, and the log tells it
state = "countersign-portal"    # the Login Token Key and the passwords; nobody but its owner may read it
profile = "hardened"            # or "literal": login tokens are read as leniently as the document says
delimiter = "|"                 # between the fields of a login token

# Without users nobody can log in. Whoever is taken out is let in no more, with whatever token. Each gets a password at the
# first start, in the file `passwords` of the state folder.
# [[users]]
# id = "admin"
# administrator = true

# [[jobs]]                      # what the automation server runs, as one of the users
# user = "admin"
# every = "5m"
# steps = 6
# step = "5s"

[lifetimes]                     # of login tokens, by use; a session that one has opened lasts 20 minutes, and outlives 'Update'
automation = "1m"
administration = "1m"
portlet = "10m"
remember_me = "14d"
impersonation = "1m"

[administration_server]
listen = "127.0.0.1:8085"

[portlet_server]
listen = "127.0.0.1:8086"

[admin]
listen = "127.0.0.1:8074"       # loopback only: POST /update makes a new key; the secret is in the file `admin.secret`

[metrics]
listen = "127.0.0.1:8094"       # /metrics for Prometheus, /healthz and /readyz
off = false

[log]
level = "info"                  # error, warn, info, debug (passwords and login tokens, taken or refused) or trace
format = "text"                 # or "json"

[parameters]                    # `countersign schema portal` lists them all; time-outs and caps concern a portal
exchange_timeout = "10s"
"##;
