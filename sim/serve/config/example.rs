//! Configuration files to start from: every key with its default, or an example where it has none.

/// An SMP's.
pub const SMP_EXAMPLE: &str = r##"# A countersign SMP. Every key may be left out; what is shown is its default, or commented out where it has none.
# Paths are seen from the folder of this file. SIGHUP reads it again: `approved_sites`, `registered_max` and what policy
# carries of `parameters` apply at once; what else differs needs a restart, and the log names it.

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
module_severity = 0             # of each request; must be on in `severity` too
filter = []                     # only records with one of these words, such as "Token registry"

[parameters]                    # `countersign schema smp` lists them all
token_lifetime = "1h"
policy_interval = "15m"
"##;

/// A site server's.
pub const SITE_EXAMPLE: &str = r##"# A countersign site server. Keys that are shown have their default, or are commented out where they have none.
# Paths are seen from the folder of this file.

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
module_severity = 0             # of each request; must be on in `severity` too
filter = []                     # only records with one of these words, such as "Token registry"

[parameters]                    # `countersign schema site` lists them all; policy has the last word on the fleet's
keep_alive_idle = "120s"
upstream_slots = 32
"##;
