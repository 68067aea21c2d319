#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# FastCGI: nginx in front of PHP-FPM, with a connection for each request and with connections that
# are kept, opened before Keyhole attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
need_root
fpm=(/usr/sbin/php-fpm[0-9]*)
need "$loader_bin" "$collector_bin" curl nginx "${fpm[0]}"

app=$(free_port) web=$(free_port) kept=$(free_port)
mkdir "$scratch/php"
chmod 755 "$scratch/php"
cat > "$scratch/php/app.php" <<-'PHP'
	<?php
	switch (strtok($_SERVER['REQUEST_URI'], '?')) {
	case '/missing': header('HTTP/1.1 404 Not Found'); break;
	case '/moved': header('Location: /elsewhere'); break;
	case '/broken': http_response_code(500); break;
	case '/thrown': throw new Exception('on purpose');
	case '/posted': echo strlen(file_get_contents('php://input')); break;
	case '/large': header('X-Long: ' . str_repeat('x', 300)); echo str_repeat('x', 300000); break;
	}
	echo 'hello';
PHP
cat > "$scratch/fpm.conf" <<-CONF
	[global]
	error_log = $scratch/fpm-error.log
	daemonize = no
	[www]
	user = root
	group = root
	listen = 127.0.0.1:$app
	pm = static
	pm.max_children = 4
	php_admin_flag[display_errors] = off
	php_admin_flag[log_errors] = on
CONF
start "$scratch/fpm.log" "${fpm[0]}" -F -R -n -y "$scratch/fpm.conf"
wait_for 20 listening "$app"

location="fastcgi_pass php; include /etc/nginx/fastcgi_params;
	fastcgi_param SCRIPT_FILENAME $scratch/php/app.php;"
start_nginx "$scratch/nginx" "
	upstream php { server 127.0.0.1:$app; keepalive 2; }
	server { listen 127.0.0.1:$web; client_max_body_size 10m; location / { $location } }
	server { listen 127.0.0.1:$kept; client_max_body_size 10m;
		location / { $location fastcgi_keep_conn on; } }"
wait_for 20 listening "$web"
wait_for 20 listening "$kept"

# Connections that are there before: nginx keeps those to PHP-FPM.
ask 8 "http://127.0.0.1:$kept/early"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

head -c 100000 /dev/zero > "$scratch/body"
for port in "$web" "$kept"; do
	ask 20 "http://127.0.0.1:$port/fine"
	ask 6 "http://127.0.0.1:$port/missing"
	ask 4 "http://127.0.0.1:$port/moved"
	ask 5 "http://127.0.0.1:$port/broken"
	ask 3 "http://127.0.0.1:$port/thrown"
	ask 7 "http://127.0.0.1:$port/posted" --data-binary "@$scratch/body"
	ask 2 "http://127.0.0.1:$port/large"
	ask 3 "http://127.0.0.1:$port/fine" -I
done

status() { # CODE
	echo "http_response_status_code=\"$1\""
}
method() { # METHOD
	echo "http_request_method=\"$1\""
}
# Each is seen three times: nginx answers it, nginx asks for it, PHP-FPM answers it.
thrice() { # TEST-NAME WANT REGEX...
	local test=$1 want=$2
	shift 2
	counts "$test, as nginx answered, a connection each" "$want" "${metric[http-server]}" "server_port=\"$web\"" "$@"
	counts "$test, as nginx answered, connections kept" "$want" "${metric[http-server]}" "server_port=\"$kept\"" "$@"
	told "$test, as nginx asked" "$((2 * want))" http-client "server_port=\"$app\"" "$@"
	told "$test, as PHP-FPM answered" "$((2 * want))" http-server "server_port=\"$app\"" "$@"
}
thrice "200 to GET" 22 "$(status 200)" "$(method GET)"
thrice "200 to POST" 7 "$(status 200)" "$(method POST)"
thrice "200 to HEAD" 3 "$(status 200)" "$(method HEAD)"
thrice "404" 6 "$(status 404)" "$(method GET)"
thrice "302" 4 "$(status 302)" "$(method GET)"
thrice "500" 8 "$(status 500)" 'error_type="500"'
thrice "all" 50
told "PHP-FPM's own name" 100 http-server "server_port=\"$app\"" 'service_name="php-fpm'
# Not `all_understood`: nginx reads the large answers by calls longer than what is captured of one.
for counter in lost unheld bad_frames given_up expired; do
	counts "requests and frames: $counter" 0 "keyhole_protocol_${counter}_total" 'protocol="fastcgi"'
done
nothing_lost "nothing was lost"
summary
