/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nats_client PORT NAME [FIFO]: by NATS' own library, which puts publications together in one call.
 * Connects twice, subscribes to NAME.new and, by a queue group, to NAME.ask, and says "ready"; once
 * something can be read from FIFO publishes 30 times to NAME.new, ten of them with headers, asks 10
 * times NAME.ask (which it answers itself) and 5 times NAME.none, to which nobody listens. Says
 * "done". Build: cc nats_client.c -lnats
 */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 10000

static void must(natsStatus status, const char *what)
{
	if (status == NATS_OK)
		return;
	fprintf(stderr, "nats_client: %s: %s\n", what, natsStatus_GetText(status));
	exit(1);
}

static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *asked,
		   void *arg)
{
	(void)subscription;
	(void)arg;
	must(natsConnection_PublishString(connection, natsMsg_GetReply(asked), "yo"), "answer");
	natsMsg_Destroy(asked);
}

static void publish(natsConnection *connection, const char *subject, bool headers)
{
	natsMsg *message;

	must(natsMsg_Create(&message, subject, NULL, "hello", 5), "message");
	if (headers)
		must(natsMsgHeader_Set(message, "Secret", "s3cret"), "header");
	must(natsConnection_PublishMsg(connection, message), "publish");
	natsMsg_Destroy(message);
}

static void ask(natsConnection *connection, const char *subject, natsStatus wanted)
{
	natsMsg *reply = NULL;
	natsStatus status =
		natsConnection_RequestString(&reply, connection, subject, "hi", TIMEOUT_MS);

	if (status != wanted)
		must(status ? status : NATS_ERR, subject);
	natsMsg_Destroy(reply);
}

int main(int argc, char **argv)
{
	natsConnection *connection, *helper;
	natsSubscription *news, *asked;
	natsMsg *message;
	char url[64], of_new[64], of_ask[64], of_none[64];

	if (argc < 3)
		return 2;
	snprintf(url, sizeof(url), "nats://127.0.0.1:%s", argv[1]);
	snprintf(of_new, sizeof(of_new), "%s.new", argv[2]);
	snprintf(of_ask, sizeof(of_ask), "%s.ask", argv[2]);
	snprintf(of_none, sizeof(of_none), "%s.none", argv[2]);
	must(natsConnection_ConnectTo(&connection, url), "connect");
	must(natsConnection_ConnectTo(&helper, url), "connect");
	must(natsConnection_SubscribeSync(&news, connection, of_new), "subscribe");
	must(natsConnection_QueueSubscribe(&asked, helper, of_ask, "workers", answer, NULL),
	     "subscribe");
	must(natsConnection_Flush(connection), "flush");
	must(natsConnection_Flush(helper), "flush");
	puts("ready");
	fflush(stdout);
	if (argc > 3) {
		FILE *f = fopen(argv[3], "r");

		if (!f || fgetc(f) == EOF)
			return 1;
		fclose(f);
	}
	for (int i = 0; i < 30; i++)
		publish(connection, of_new, i % 3 == 0);
	for (int i = 0; i < 30; i++) {
		must(natsSubscription_NextMsg(&message, news, TIMEOUT_MS), "message");
		natsMsg_Destroy(message);
	}
	for (int i = 0; i < 10; i++)
		ask(connection, of_ask, NATS_OK);
	for (int i = 0; i < 5; i++)
		ask(connection, of_none, NATS_NO_RESPONDERS);
	natsSubscription_Destroy(news);
	natsSubscription_Destroy(asked);
	natsConnection_Destroy(connection);
	natsConnection_Destroy(helper);
	puts("done");
	return 0;
}
