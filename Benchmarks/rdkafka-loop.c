// The limit of what is read from one topic and written to another: librdkafka alone, the same bytes, the same settings.
// usage: rdkafka-loop BROKERS produce TOPIC COUNT FILE     writes COUNT copies of a file's bytes
//        rdkafka-loop BROKERS relay FROM TO COUNT           reads COUNT records and writes each on, acknowledged
#define _GNU_SOURCE
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t delivered, failed;

// A CloudEvent in structured mode.
static const char content_type[] = "application/cloudevents+json";

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
    (void)handle;
    (void)opaque;
    if (message->err) failed++;
    else delivered++;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

static rd_kafka_t *make(rd_kafka_type_t type, const char *brokers) {
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    if (type == RD_KAFKA_PRODUCER) {
        set(conf, "enable.idempotence", "true");
        set(conf, "acks", "all");
        set(conf, "linger.ms", "5");
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    } else {
        char group[64];
        snprintf(group, sizeof group, "loop-%ld", (long)(now() * 1e6));
        set(conf, "group.id", group);
        set(conf, "auto.offset.reset", "earliest");
        set(conf, "enable.auto.commit", "true");
    }
    rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof error);
    if (!handle) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return handle;
}

static void produce(rd_kafka_t *producer, const char *topic, const void *key, size_t key_size, const void *value, size_t size) {
    rd_kafka_resp_err_t error;
    do {
        error = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY((void *)key, key_size),
            RD_KAFKA_V_VALUE((void *)value, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_HEADER("content-type", content_type, -1), RD_KAFKA_V_END);
        rd_kafka_poll(producer, error ? 10 : 0);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (error) {
        fprintf(stderr, "%s\n", rd_kafka_err2str(error));
        exit(1);
    }
}

static void finish(rd_kafka_t *producer, int64_t count) {
    while (delivered + failed < count) rd_kafka_poll(producer, 100);
    if (failed) {
        fprintf(stderr, "%lld records were not acknowledged\n", (long long)failed);
        exit(1);
    }
}

static void write_copies(const char *brokers, const char *topic, int64_t count, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    // Where ten number signs stand each copy has its number, so that no two are the same request.
    char *mark = memmem(bytes, size, "##########", 10);
    rd_kafka_t *producer = make(RD_KAFKA_PRODUCER, brokers);
    double begin = now();
    for (int64_t number = 0; number < count; number++) {
        char key[32], digits[24];
        snprintf(digits, sizeof digits, "%010lld", (long long)number);
        if (mark) memcpy(mark, digits, 10);
        int length = snprintf(key, sizeof key, "key-%lld", (long long)number);
        produce(producer, topic, key, (size_t)length, bytes, size);
    }
    finish(producer, count);
    printf("{\"records\": %lld, \"seconds\": %f}\n", (long long)count, now() - begin);
    rd_kafka_destroy(producer);
}

static void relay(const char *brokers, const char *from, const char *to, int64_t count) {
    rd_kafka_t *producer = make(RD_KAFKA_PRODUCER, brokers), *consumer = make(RD_KAFKA_CONSUMER, brokers);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, from, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    double begin = 0;
    for (int64_t number = 0; number < count;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (!message) continue;
        if (!message->err) {
            // Joining the group is not what is measured.
            if (!begin) begin = now();
            produce(producer, to, message->key, message->key_len, message->payload, message->len);
            number++;
        }
        rd_kafka_message_destroy(message);
    }
    finish(producer, count);
    printf("{\"records\": %lld, \"seconds\": %f}\n", (long long)count, now() - begin);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
}

int main(int argc, char **argv) {
    if (argc == 6 && !strcmp(argv[2], "produce")) write_copies(argv[1], argv[3], atoll(argv[4]), argv[5]);
    else if (argc == 6 && !strcmp(argv[2], "relay")) relay(argv[1], argv[3], argv[4], atoll(argv[5]));
    else {
        fprintf(stderr, "usage: rdkafka-loop BROKERS produce TOPIC COUNT FILE | relay FROM TO COUNT\n");
        return 2;
    }
    return 0;
}
