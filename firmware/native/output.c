/* The standard output and the standard error: each is written by a thread of its own, so that a reader who is slow, or reads no more,
   holds up nothing else: neither the lease of an actuator nor the end of the process. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "host.h"

/* Bytes that wait for a reader; a line is always taken where none waits. */
#define ROOM (64 * 1024)
/* How long the end of the process waits for a reader who takes nothing, and how often it looks. */
#define PATIENCE_MS 3000
#define LOOK_MS 2
/* A full disk may have room again. */
#define AGAIN_MS 1000
/* Written at once: what a slow reader has taken is known soon. */
#define PIECE 4096

typedef struct Text {
	struct Text* next;
	size_t length;
	char bytes[];
} Text;

typedef struct {
	const int fd;
	pthread_mutex_t lock;
	pthread_cond_t taken;
	pthread_cond_t given;
	Text* first;
	Text* last;
	size_t waiting;
	bool started;
	/* Nobody will ever read what is written. */
	bool gone;
} Output;

static Output outputs[] = {
	{ .fd = STDOUT_FILENO, .lock = PTHREAD_MUTEX_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER, .given = PTHREAD_COND_INITIALIZER },
	{ .fd = STDERR_FILENO, .lock = PTHREAD_MUTEX_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER, .given = PTHREAD_COND_INITIALIZER }
};
#define OUTPUTS (sizeof outputs / sizeof *outputs)

static void rest(int milliseconds)
{
	poll(NULL, 0, milliseconds);
}

/* Waits for whoever reads. Returns false where that is for nothing. */
static bool writeText(Output* output, const Text* text)
{
	size_t done = 0;
	while (done < text->length) {
		size_t left = text->length - done;
		ssize_t written = write(output->fd, text->bytes + done, left < PIECE ? left : PIECE);
		if (written >= 0) {
			pthread_mutex_lock(&output->lock);
			output->waiting -= (size_t)written;
			pthread_cond_broadcast(&output->taken);
			pthread_mutex_unlock(&output->lock);
			done += (size_t)written;
		}
		else if (errno == EAGAIN) {
			struct pollfd one = { output->fd, POLLOUT, 0 };
			poll(&one, 1, -1);
		}
		else if (errno == EPIPE || errno == EBADF || errno == EINVAL)
			return false;
		else if (errno != EINTR)
			rest(AGAIN_MS);
	}
	return true;
}

static void* writeOutput(void* context)
{
	Output* output = context;
	pthread_mutex_lock(&output->lock);
	for (;;) {
		Text* text;
		bool read;
		while (!output->first)
			pthread_cond_wait(&output->given, &output->lock);
		text = output->first;
		pthread_mutex_unlock(&output->lock);
		read = writeText(output, text);
		pthread_mutex_lock(&output->lock);
		output->first = text->next;
		if (!read) {
			output->gone = true;
			output->waiting = 0;
		}
		free(text);
		while (output->gone && output->first) {
			text = output->first;
			output->first = text->next;
			free(text);
		}
		pthread_cond_broadcast(&output->taken);
	}
	return NULL;
}

/* Signals are for the thread of the machine. Returns false where no thread can be had. */
static bool startWriting(Output* output)
{
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	if (output->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	output->started = pthread_create(&thread, NULL, writeOutput, output) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return output->started;
}

bool putOut(OutputStream stream, const char* bytes, size_t length, bool wait)
{
	Output* output = &outputs[stream];
	Text* text = malloc(sizeof *text + length);
	bool taken;
	if (!text)
		return false;
	text->next = NULL;
	text->length = length;
	memcpy(text->bytes, bytes, length);
	pthread_mutex_lock(&output->lock);
	while (wait && !output->gone && output->waiting && output->waiting + length > ROOM)
		pthread_cond_wait(&output->taken, &output->lock);
	taken = !output->gone && (!output->waiting || output->waiting + length <= ROOM) && startWriting(output);
	if (taken) {
		if (output->first)
			output->last->next = text;
		else
			output->first = text;
		output->last = text;
		output->waiting += length;
		pthread_cond_signal(&output->given);
	}
	else
		free(text);
	/* What nobody will read is not missed by anybody. */
	taken = taken || output->gone;
	pthread_mutex_unlock(&output->lock);
	return taken;
}

void complain(const char* format, ...)
{
	char sentence[4096];
	va_list arguments;
	int length;
	va_start(arguments, format);
	length = vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	if (length > 0)
		putOut(OUTPUT_ERRORS, sentence, (size_t)length < sizeof sentence ? (size_t)length : sizeof sentence - 1, false);
}

static size_t waitingIn(Output* output)
{
	size_t waiting;
	pthread_mutex_lock(&output->lock);
	waiting = output->gone ? 0 : output->waiting;
	pthread_mutex_unlock(&output->lock);
	return waiting;
}

void finishOutputs(void)
{
	size_t i;
	for (i = 0; i < OUTPUTS; i++) {
		size_t before = waitingIn(&outputs[i]);
		int patience = PATIENCE_MS;
		while (before && patience > 0) {
			size_t now;
			rest(LOOK_MS);
			now = waitingIn(&outputs[i]);
			patience = now < before ? PATIENCE_MS : patience - LOOK_MS;
			before = now;
		}
	}
}
