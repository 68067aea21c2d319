#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What HTTP carries, where the configuration asks for it: Elasticsearch, JSON-RPC, GraphQL and SQS,
# played by Python's HTTP server and asked by curl. Off, all of it is plain HTTP. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
need_root
need "$loader_bin" "$collector_bin" curl "$python"

port=$(free_port)
cat > "$scratch/server.py" <<-'PYTHON'
	import sys
	from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

	class Handler(BaseHTTPRequestHandler):
	    protocol_version = "HTTP/1.1"

	    def do_POST(self):
	        self.rfile.read(int(self.headers.get("Content-Length", 0)))
	        status = 404 if "/missing/" in self.path else 200
	        body = b'{"jsonrpc":"2.0","id":1,"result":1}'
	        if self.path == "/broken":
	            body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'
	        self.send_response(status)
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)

	    do_GET = do_POST

	    def log_message(self, *args):
	        pass

	ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
start "$scratch/server.log" "$python" "$scratch/server.py" "$port"
wait_for 60 listening "$port"
url=http://127.0.0.1:$port

post() { # N PATH BODY [CURL-OPTION...]
	local n=$1 path=$2 body=$3
	shift 3
	for _ in $(seq "$n"); do
		curl -s -o /dev/null -H 'Content-Type: application/json' -d "$body" "$@" "$url$path"
	done
}
play() {
	post 7 /shop/_search '{"query":{"match":{"name":"s3cret"}}}'
	post 3 /missing/_search '{}'
	post 2 /_bulk '{"index":{}}'
	post 5 /rpc '{"jsonrpc":"2.0","id":1,"method":"cart.add","params":["s3cret"]}'
	post 4 /broken '{"jsonrpc":"2.0","id":1,"method":"cart.drop"}'
	post 6 /graphql '{"query":"mutation Buy($id: ID!) { buy(id: $id) { id } }","variables":{"id":"s3cret"}}'
	post 3 / '{"MessageBody":"s3cret"}' -H 'X-Amz-Target: AmazonSQS.SendMessage'
	post 2 /plain '{"a":"s3cret"}'
}

start_loader
everything "$scratch/off.yml"
start_collector --config "$scratch/off.yml"
play
served "off: all is HTTP" 32 "$port"
told "off: no database" 0 db-server
told "off: no procedure calls" 0 rpc-server
stop "$collector"

everything "$scratch/on.yml"
cat >> "$scratch/on.yml" <<-'YAML'
	    http_server_request_duration: {include: [graphql.operation.type, graphql.operation.name, rpc.method, server.port]}
	ebpf:
	  payload_extraction:
	    http:
	      elasticsearch: {enabled: true}
	      jsonrpc: {enabled: true}
	      graphql: {enabled: true}
	      aws: {enabled: true}
YAML
start_collector --config "$scratch/on.yml"
play
for side in client server; do
	told "$side: searches" 7 "db-$side" 'db_system_name="elasticsearch"' 'db_operation_name="search"' 'db_collection_name="shop"'
	told "$side: searches that failed" 3 "db-$side" 'db_collection_name="missing"' 'error_type="404"'
	told "$side: bulk" 2 "db-$side" 'db_operation_name="bulk"'
	told "$side: calls" 5 "rpc-$side" 'rpc_system_name="jsonrpc"' 'rpc_method="cart.add"'
	told "$side: calls that failed" 4 "rpc-$side" 'rpc_method="cart.drop"' 'rpc_status_code="-32601"'
done
served "GraphQL: HTTP with a name" 6 "$port" 'graphql_operation_type="mutation"' 'graphql_operation_name="Buy"'
served "SQS: HTTP with a name" 3 "$port" 'rpc_method="SQS/SendMessage"'
served "what is HTTP stays so" 11 "$port"
nothing_lost "nothing was lost"
refused "no value came out" grep -q s3cret "$metrics" "$collector_log"
summary
