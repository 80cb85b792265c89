/* One loop over poll(): file descriptors, timers, and the promise jobs that follow each callback. */
#include <poll.h>
#include <stdlib.h>
#include <math.h>
#include "host.h"

/* The serial line, the console and its signals, and two for each process. */
#define WATCHES 32

static Watch watches[WATCHES];
static int watched = 0;

Watch* watch(xsMachine* the, int fd, short events, void (*ready)(xsMachine*, short, void*), void* context)
{
	int i;
	for (i = 0; i < WATCHES; i++) {
		if (!watches[i].ready) {
			watches[i] = (Watch){ fd, events, ready, context };
			watched++;
			return &watches[i];
		}
	}
	fail(the, "native-watches", "Close what is no longer needed.", "More than %d files are watched at once", WATCHES);
}

void unwatch(Watch* one)
{
	one->ready = NULL;
	watched--;
}

/* Milliseconds until a timer or a process is due, -1 for none. */
static int untilNextTimer(void)
{
	double next = fmin(nextTimer(), nextOverdue());
	double left;
	if (next == INFINITY)
		return -1;
	left = ceil(next - monotonicMilliseconds());
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void pollOnce(xsMachine* the, int wait)
{
	struct pollfd polled[WATCHES];
	Watch* which[WATCHES];
	int count = 0;
	int i;
	for (i = 0; i < WATCHES; i++) {
		if (watches[i].ready) {
			which[count] = &watches[i];
			polled[count++] = (struct pollfd){ watches[i].fd, watches[i].events, 0 };
		}
	}
	if (poll(polled, (nfds_t)count, wait) <= 0)
		return;
	for (i = 0; i < count; i++) {
		/* A callback may have closed what comes after it. */
		if (polled[i].revents && which[i]->ready && which[i]->fd == polled[i].fd)
			which[i]->ready(the, polled[i].revents, which[i]->context);
	}
}

void runLoop(xsMachine* the)
{
	for (;;) {
		int wait;
		/* What is due comes first: it may let go of an actuator. */
		runTimers(the);
		endOverdue();
		wait = untilNextTimer();
		if (!watched && wait < 0)
			return;
		pollOnce(the, wait);
	}
}
