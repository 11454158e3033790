#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// Swift cannot call C functions with variable arguments; each is wrapped here for the one form that is used.

/// Hands one message to the producer without waiting; the library copies key and value.
/// A null pointer with a non-negative length is an empty key or value; a negative length is none at all.
static inline rd_kafka_resp_err_t longshore_produce(rd_kafka_t *client,
                                                    const char *topic,
                                                    int32_t partition,
                                                    const void *key,
                                                    int64_t key_length,
                                                    const void *value,
                                                    int64_t value_length,
                                                    rd_kafka_headers_t *headers,
                                                    void *opaque) {
        const void *key_bytes   = key_length < 0 ? NULL : (key ? key : "");
        const void *value_bytes = value_length < 0 ? NULL : (value ? value : "");
        return rd_kafka_producev(
            client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_KEY((void *)key_bytes, key_length < 0 ? 0 : (size_t)key_length),
            RD_KAFKA_V_VALUE((void *)value_bytes, value_length < 0 ? 0 : (size_t)value_length),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}

/// Lets the mock broker answer the next request of this kind late, with an error or (0) with success.
static inline rd_kafka_resp_err_t longshore_mock_push_error_rtt(rd_kafka_mock_cluster_t *cluster,
                                                                int32_t broker,
                                                                int16_t api_key,
                                                                rd_kafka_resp_err_t error,
                                                                int delay_ms) {
        return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api_key, 1, error,
                                                            delay_ms);
}
