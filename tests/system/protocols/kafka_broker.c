/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_broker PORT: librdkafka's mock cluster as a broker. Says where it listens, and does what
 * its standard input says, a line each, which it repeats once that is done: topic NAME makes a
 * topic of one partition fail API ERROR TIMES    the next requests with that API key fail so Ends
 * with its input. Build: cc -D_GNU_SOURCE kafka_broker.c -lrdkafka
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FAILURES_MAX 16

static unsigned short port;

/* The library's own: it would take any port, such as clients have. */
int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	struct sockaddr_in in = *(const struct sockaddr_in *)address;

	in.sin_port = htons(port);
	return next(fd, (struct sockaddr *)&in, size);
}

static void obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	rd_kafka_resp_err_t errors[FAILURES_MAX];
	int api, error, times;
	char topic[250];

	if (sscanf(line, "topic %249s", topic) == 1)
		rd_kafka_mock_topic_create(cluster, topic, 1, 1);
	if (sscanf(line, "fail %d %d %d", &api, &error, &times) != 3 || times > FAILURES_MAX)
		return;
	for (int i = 0; i < times; i++)
		errors[i] = (rd_kafka_resp_err_t)error;
	rd_kafka_mock_push_request_errors_array(cluster, (int16_t)api, (size_t)times, errors);
}

int main(int argc, char **argv)
{
	rd_kafka_mock_cluster_t *cluster;
	char why[256], line[512];
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));

	port = argc > 1 ? (unsigned short)atoi(argv[1]) : 0;
	if (!rk) {
		fprintf(stderr, "kafka_broker: %s\n", why);
		return 1;
	}
	cluster = rd_kafka_mock_cluster_new(rk, 1);
	printf("listens on %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		obey(cluster, line);
		fputs(line, stdout);
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
