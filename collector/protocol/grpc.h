/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC over HTTP/2: what its status is. Sources: grpc's PROTOCOL-HTTP2.md, statuscodes.md and
 * http-grpc-status-mapping.md. */
#ifndef KEYHOLE_PROTOCOL_GRPC_H
#define KEYHOLE_PROTOCOL_GRPC_H

#include <stdint.h>

#include "../slice.h"

#define GRPC_PREFIX 5 /* bytes before a message: compressed or not, and its length */

/* A content-type of gRPC, or of gRPC-Web, which has its status in the body. */
bool grpc_is(struct slice content_type);
bool grpc_is_web(struct slice content_type);

/* Names of statuses: constants. */
struct slice grpc_status(struct slice grpc_status); /* as the field has it: a number */
struct slice grpc_status_of_http(uint16_t status);  /* where the field is missing */
struct slice grpc_status_of_reset(uint32_t code);   /* of RST_STREAM */

/* "pkg.Service/Method" of a path, "" if it is none. */
struct slice grpc_method(struct slice path);

#endif
