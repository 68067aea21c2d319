# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What machine_inside.sh and profile_inside.sh do in the machine that counts instructions: nginx
# (`return 200`) runs; load() sends requests on 8 connections that are kept. Source lib.bash first.
connections=8 port=8080

mkdir "$scratch/www"
cat > "$scratch/www/nginx.conf" <<-NGINX
	daemon off; worker_processes 1; pid $scratch/www/pid; error_log $scratch/www/error.log; user root;
	events { worker_connections 1024; }
	http {
		access_log off; keepalive_requests 1000000;
		server { listen 127.0.0.1:$port; location / { return 200 "hello\n"; } }
	}
NGINX
start "$scratch/nginx.log" nginx -c "$scratch/www/nginx.conf"
wait_for 30 listening "$port"

# Nanoseconds that the CPU was busy since boot: the clock runs on while the host reads a file.
busy() {
	awk '/^cpu0 / { print $8 }' /proc/schedstat
}

# Nanoseconds that the requests took, those of the client's start and end included.
load() { # REQUESTS
	local from
	from=$(busy)
	h2load --h1 -t 1 -c "$connections" -n "$1" "http://127.0.0.1:$port/" > "$scratch/h2load"
	echo "$(($(busy) - from))"
	grep -q "^requests: .* $1 succeeded, 0 failed" "$scratch/h2load" || cat "$scratch/h2load" >&2
}
