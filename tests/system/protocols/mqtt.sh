#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# MQTT: Mosquitto with its own clients, versions 3.1.1 and 5, on connections opened before Keyhole
# attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
need_root
need "$loader_bin" "$collector_bin" curl mosquitto mosquitto_pub mosquitto_sub

# Who may do what is the business of Mosquitto's plugin: its file of topics refuses no subscription.
plugin=(/usr/lib/*/mosquitto_dynamic_security.so)
port=$(free_port)
cat > "$scratch/acl" <<-'ACL'
	{
	  "defaultACLAccess": {"publishClientSend": false, "publishClientReceive": true, "subscribe": false, "unsubscribe": true},
	  "anonymousGroup": "all",
	  "groups": [{"groupname": "all", "roles": [{"rolename": "all"}]}],
	  "roles": [{"rolename": "all", "acls": [
	    {"acltype": "publishClientSend", "topic": "open/#", "allow": true},
	    {"acltype": "publishClientSend", "topic": "sent/#", "allow": true},
	    {"acltype": "subscribePattern", "topic": "open/#", "allow": true}
	  ]}]
	}
ACL
cat > "$scratch/mosquitto.conf" <<-CONF
	listener $port 127.0.0.1
	allow_anonymous true
	plugin ${plugin[0]}
	plugin_opt_config_file $scratch/acl
	user root
	log_type all
CONF
chmod 644 "$scratch/acl" "$scratch/mosquitto.conf"
start "$scratch/mosquitto.log" mosquitto -c "$scratch/mosquitto.conf"
wait_for 60 listening "$port"

versions=(mqttv311 mqttv5)

subscribe() { # NAME VERSION QOS TOPIC [OPTION...]: returns when it is answered
	local name=$1 version=$2 qos=$3 topic=$4
	shift 4
	start "$scratch/sub-$name.log" mosquitto_sub -h 127.0.0.1 -p "$port" -V "$version" -q "$qos" -t "$topic" -i "$name" "$@"
	wait_for 30 grep -q "Sending SUBACK to $name" "$scratch/mosquitto.log"
}

# Publishes each line of a file as a message, on one connection.
publish() { # FILE NAME VERSION QOS TOPIC
	become mosquitto_pub -h 127.0.0.1 -p "$port" -V "$3" -q "$4" -t "$5" -i "$2" -l < "$1"
}

# ---- clients that are there before ----

for version in "${versions[@]}"; do
	for qos in 0 1 2; do
		name=early-$version-$qos
		subscribe "$name" "$version" "$qos" "open/$name"
		mkfifo "$scratch/go-$name"
		exec {go}<> "$scratch/go-$name"
		echo first >&"$go" # it is connected as soon as this one was published
		start "$scratch/pub-$name.log" publish "$scratch/go-$name" "pub-$name" "$version" "$qos" "open/$name"
		wait_for 30 grep -q first "$scratch/sub-$name.log"
	done
done

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

for n in 5 7 20 30; do
	seq -f 'message %g' "$n" > "$scratch/lines-$n"
done
for version in "${versions[@]}"; do
	for qos in 0 1 2; do
		cat "$scratch/lines-30" > "$scratch/go-early-$version-$qos"
		name=late-$version-$qos
		subscribe "$name" "$version" "$qos" "open/$name" -C 20
		publish "$scratch/lines-20" "pub-$name" "$version" "$qos" "open/$name"
	done
	publish "$scratch/lines-5" "denied-$version" "$version" 1 "closed/$version"
	publish "$scratch/lines-7" "unheard-$version" "$version" 1 "sent/$version"
	subscribe "refused-$version" "$version" 1 "closed/$version/#"
	ok "a subscription, and one taken back, $version" timeout 60 mosquitto_sub -h 127.0.0.1 -p "$port" -V "$version" \
		-t open/other -U open/none -E
done
for version in "${versions[@]}"; do
	for qos in 0 1 2; do
		wait_for 60 grep -q 'message 30' "$scratch/sub-early-$version-$qos.log"
		wait_for 60 grep -q 'message 20' "$scratch/sub-late-$version-$qos.log"
	done
done

topic() { # TOPIC: as a label
	echo "messaging_destination_name=\"$1\""
}
doing() { # OPERATION
	echo "messaging_operation_name=\"$1\""
}
both() { # TEST-NAME WANT REGEX...: the same of the client and of the broker
	local test=$1 want=$2
	shift 2
	told "$test, as the client did it" "$want" messaging-client "server_port=\"$port\"" "$@"
	told "$test, as the broker did" "$want" messaging-server "server_port=\"$port\"" "$@"
}
handed() { # TEST-NAME WANT REGEX...: messages from the broker to a client
	local test=$1 want=$2
	shift 2
	told "$test, as the client got them" "$want" messaging-process "server_port=\"$port\"" "$(doing process)" "$@"
	told "$test, as the broker gave them" "$want" messaging-server "server_port=\"$port\"" "$(doing process)" "$@"
}

for version in "${versions[@]}"; do
	for qos in 0 1 2; do
		both "early $version, QoS $qos: publications" 30 "$(doing publish)" "$(topic "open/early-$version-$qos")"
		handed "early $version, QoS $qos: messages" 30 "$(topic "open/early-$version-$qos")"
		both "late $version, QoS $qos: publications" 20 "$(doing publish)" "$(topic "open/late-$version-$qos")"
		handed "late $version, QoS $qos: messages" 20 "$(topic "open/late-$version-$qos")"
		both "late $version, QoS $qos: the subscription" 1 "$(doing subscribe)" "$(topic "open/late-$version-$qos")"
	done
	both "$version: what nobody is subscribed to" 7 "$(doing publish)" "$(topic "sent/$version")"
done
# Only version 5 can tell a publisher that it was refused.
both "3.1.1: publications that are refused" 5 "$(doing publish)" "$(topic closed/mqttv311)"
both "5: publications that are refused" 5 "$(doing publish)" "$(topic closed/mqttv5)" 'error_type="0x87"'
both "3.1.1: a subscription that is refused" 1 "$(doing subscribe)" "$(topic 'closed/mqttv311/#')" 'error_type="0x80"'
both "5: a subscription that is refused" 1 "$(doing subscribe)" "$(topic 'closed/mqttv5/#')" 'error_type="0x87"'
both "no other failed" 7 'messaging_operation_name="(publish|subscribe)"' 'error_type='
told "no message failed" 0 messaging-process "server_port=\"$port\"" 'error_type='
both "subscriptions taken back" 2 "$(doing unsubscribe)" "$(topic open/none)"
told "the broker is nobody's client" 0 messaging-client 'service_name="mosquitto"'
told "nor anybody's consumer" 0 messaging-process 'service_name="mosquitto"'
all_understood "everything was understood" mqtt
nothing_lost "nothing was lost"
summary
