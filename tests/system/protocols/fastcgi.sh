#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# FastCGI: PHP-FPM behind nginx, on connections that nginx keeps open to it, which were there before
# Keyhole attached, and on new ones. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
fpm=(/usr/sbin/php-fpm[0-9]*)
need_root
need "$loader_bin" "$collector_bin" curl nginx "${fpm[0]}"

fpm_port=$(free_port)
mkdir "$scratch/www"
cat > "$scratch/www/app.php" <<-'PHP'
	<?php
	if (isset($_GET['status'])) http_response_code((int)$_GET['status']);
	echo str_repeat('x', (int)($_GET['size'] ?? 2)), file_get_contents('php://input') === '' ? '' : 's3cret';
PHP
cat > "$scratch/fpm.conf" <<-CONF
	[global]
	daemonize = no
	error_log = $scratch/fpm-error.log
	[www]
	user = nobody
	listen = 127.0.0.1:$fpm_port
	pm = static
	pm.max_children = 4
CONF
chmod -R a+rX "$scratch/www"
start "$scratch/fpm.log" "${fpm[0]}" -R -y "$scratch/fpm.conf"
wait_for 60 listening "$fpm_port"

# Two servers: one keeps its connections to PHP-FPM, the other makes one for each request.
kept=$(free_port) each=$(free_port)
start_nginx "$scratch/nginx" "
	upstream kept { server 127.0.0.1:$fpm_port; keepalive 1; }
	fastcgi_param SCRIPT_FILENAME $scratch/www/app.php;
	fastcgi_param QUERY_STRING \$query_string;
	fastcgi_param REQUEST_METHOD \$request_method;
	fastcgi_param CONTENT_LENGTH \$content_length;
	fastcgi_param CONTENT_TYPE \$content_type;
	fastcgi_param REQUEST_URI \$request_uri;
	server { listen 127.0.0.1:$kept; location / { fastcgi_keep_conn on; fastcgi_pass kept; } }
	server { listen 127.0.0.1:$each; location / { fastcgi_pass 127.0.0.1:$fpm_port; } }"
wait_for 60 listening "$each"

# Each of nginx's two workers makes its connection.
for _ in 1 2 3 4 5 6 7 8; do
	curl -sf -o /dev/null "http://127.0.0.1:$kept/warm"
done

everything "$scratch/config.yml"
cat >> "$scratch/config.yml" <<-'YAML'
	    http_server_request_duration: {include: ["*"]}
	    http_client_request_duration: {include: ["*"]}
YAML
start_loader
start_collector --config "$scratch/config.yml"

for port in "$kept" "$each"; do
	ask 20 "http://127.0.0.1:$port/fine"
	for _ in 1 2 3; do
		curl -s -o /dev/null "http://127.0.0.1:$port/broken?status=500"
		curl -s -o /dev/null "http://127.0.0.1:$port/gone?status=404"
	done
	curl -sf -o /dev/null "http://127.0.0.1:$port/big?size=300000"
	curl -sf -o /dev/null -d "$(printf '%020000d' 1)" "http://127.0.0.1:$port/post"
done

# What nginx serves is HTTP; what it asks of PHP-FPM, and what that serves, is FastCGI.
for port in "$kept" "$each"; do
	told "nginx served" 28 http-server "server_port=\"$port\""
done
check() { # WANT PATH STATUS: of both servers together, on either side of FastCGI
	told "FastCGI, as nginx asked: $2" "$1" http-client "server_port=\"$fpm_port\"" "url_path=\"/$2\"" \
		"http_response_status_code=\"$3\""
	told "FastCGI, as PHP-FPM answered: $2" "$1" http-server "server_port=\"$fpm_port\"" "url_path=\"/$2\"" \
		"http_response_status_code=\"$3\""
}
check 40 fine 200
check 6 gone 404
check 6 broken 500
check 2 big 200
told "a POST, as nginx asked" 2 http-client "server_port=\"$fpm_port\"" 'url_path="/post"' 'http_request_method="POST"'
told "a POST, as PHP-FPM answered" 2 http-server "server_port=\"$fpm_port\"" 'url_path="/post"' 'http_request_method="POST"'
all_told "everything was told" fastcgi
nothing_lost "nothing was lost"
summary
