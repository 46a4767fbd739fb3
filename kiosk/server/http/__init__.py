"""HTTP on sockets: gevent's server, with limits on everything a client controls."""
