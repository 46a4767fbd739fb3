"""HTTP on sockets: gevent's server, with bounds on everything that a stranger decides."""
