#pragma once
#include <curl/curl.h>

// libcurl's setters and getters are variadic, which Swift cannot import, and curl promises that their arguments keep
// these few types: one inline function for each of them.

static inline CURLcode longshore_curl_setopt_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode longshore_curl_setopt_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode longshore_curl_setopt_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode longshore_curl_setopt_pointer(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode longshore_curl_setopt_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

// libcurl keeps the pointer, not the bytes, when `copies` is 0.
static inline CURLcode longshore_curl_setopt_blob(CURL *easy, CURLoption option, const void *data, size_t length,
                                                  int copies) {
    struct curl_blob blob;
    blob.data = (void *)data;
    blob.len = length;
    blob.flags = copies ? CURL_BLOB_COPY : CURL_BLOB_NOCOPY;
    return curl_easy_setopt(easy, option, &blob);
}

static inline CURLcode longshore_curl_setopt_write(CURL *easy, CURLoption option, curl_write_callback value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode longshore_curl_setopt_opensocket(CURL *easy, curl_opensocket_callback value) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}

static inline CURLcode longshore_curl_setopt_prereq(CURL *easy, curl_prereq_callback value) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value);
}

static inline CURLcode longshore_curl_getinfo_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode longshore_curl_getinfo_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode longshore_curl_getinfo_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLMcode longshore_curl_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode longshore_curl_multi_setopt_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode longshore_curl_multi_setopt_socket(CURLM *multi, curl_socket_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
}

static inline CURLMcode longshore_curl_multi_setopt_timer(CURLM *multi, curl_multi_timer_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
}

// A message is a union of a pointer and a result code; reading it in C spares Swift the union.
static inline CURL *longshore_curl_done_handle(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while((message = curl_multi_info_read(multi, &left)) != NULL) {
        if(message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

// The event loop's part: an epoll instance and an eventfd. `struct epoll_event` is packed and holds a union, neither of
// which Swift reads well.
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static inline int longshore_curl_poller(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int longshore_curl_waker(int poller) {
    int waker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = waker}};
    if(waker >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, waker, &event) != 0) {
        close(waker);
        return -1;
    }
    return waker;
}

static inline void longshore_curl_wake(int waker) {
    uint64_t one = 1;
    ssize_t ignored = write(waker, &one, sizeof(one));
    (void)ignored;
}

static inline void longshore_curl_woken(int waker) {
    uint64_t count;
    ssize_t ignored = read(waker, &count, sizeof(count));
    (void)ignored;
}

// `what` is one of CURL_POLL_*. A descriptor may be known already or may have been closed and opened anew in between.
static inline void longshore_curl_watch(int poller, int descriptor, int what) {
    struct epoll_event event = {.events = 0, .data = {.fd = descriptor}};
    if(what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event);
        return;
    }
    if(what == CURL_POLL_IN || what == CURL_POLL_INOUT) event.events |= EPOLLIN;
    if(what == CURL_POLL_OUT || what == CURL_POLL_INOUT) event.events |= EPOLLOUT;
    if(epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) != 0 && errno == ENOENT)
        (void)epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

struct longshore_curl_ready {
    int descriptor;
    int events;  // CURL_CSELECT_* bits
};

static inline int longshore_curl_poll(int poller, struct longshore_curl_ready *ready, int capacity, int timeout_ms) {
    struct epoll_event events[128];
    int count = epoll_wait(poller, events, capacity < 128 ? capacity : 128, timeout_ms);
    for(int i = 0; i < count; i++) {
        int bits = 0;
        if(events[i].events & (EPOLLIN | EPOLLHUP)) bits |= CURL_CSELECT_IN;
        if(events[i].events & EPOLLOUT) bits |= CURL_CSELECT_OUT;
        if(events[i].events & EPOLLERR) bits |= CURL_CSELECT_ERR;
        ready[i].descriptor = events[i].data.fd;
        ready[i].events = bits;
    }
    return count < 0 ? 0 : count;
}

#include <sys/prctl.h>

// Names the calling thread; prctl is variadic and pthread_setname_np is a GNU extension that Swift does not see.
static inline void longshore_curl_name_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }
