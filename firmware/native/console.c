/* native.print, native.printError, native.input, native.onTerminate, native.exit */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

/* A run of a behavior comes as one line: its source, and the entries that it reads. */
#define LINE_LIMIT (8 * 1024 * 1024)

/* Waits for a reader that is slow; goes on without one that has gone. */
static void writeAll(int fd, const char* text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);
		if (written >= 0) {
			text += written;
			length -= (size_t)written;
		}
		else if (errno == EAGAIN) {
			struct pollfd one = { fd, POLLOUT, 0 };
			poll(&one, 1, -1);
		}
		else if (errno != EINTR)
			return;
	}
}

static void printLine(xsMachine* the, int fd)
{
	char* text = textArgument(the, 0);
	size_t length = strlen(text);
	text[length] = '\n';
	writeAll(fd, text, length + 1);
	free(text);
}

static void print(xsMachine* the)
{
	printLine(the, STDOUT_FILENO);
}

static void printError(xsMachine* the)
{
	printLine(the, STDERR_FILENO);
}

static struct {
	Callback callback;
	Watch* watch;
	char* line;
	size_t room;
	size_t length;
	bool tooLong;
} input;

static void endLine(xsMachine* the)
{
	if (!input.tooLong)
		callBackText(the, &input.callback, input.line, input.length);
	input.tooLong = false;
	input.length = 0;
}

static bool hasRoom(void)
{
	size_t room = input.room ? 2 * input.room : 4096;
	char* line;
	if (input.length < input.room)
		return true;
	if (room > LINE_LIMIT || !(line = realloc(input.line, room)))
		return false;
	input.line = line;
	input.room = room;
	return true;
}

static void inputReady(xsMachine* the, short events, void* context)
{
	char buffer[4096];
	ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
	ssize_t i;
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		unwatch(input.watch);
		callBack(the, &input.callback);
		return;
	}
	for (i = 0; i < got; i++) {
		if (buffer[i] == '\n')
			endLine(the);
		else if (hasRoom())
			input.line[input.length++] = buffer[i];
		else
			input.tooLong = true;
	}
}

static void readInput(xsMachine* the)
{
	struct stat status;
	keepCallback(the, &input.callback, 0);
	/* A file or /dev/null is nobody who speaks, and its end says nothing. */
	if (fstat(STDIN_FILENO, &status) || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(STDIN_FILENO)))
		return;
	input.watch = watch(the, STDIN_FILENO, POLLIN, inputReady, NULL);
}

static struct {
	Callback callback;
	int fd;
} termination;

static void terminationReady(xsMachine* the, short events, void* context)
{
	struct signalfd_siginfo signal;
	if (read(termination.fd, &signal, sizeof signal) == sizeof signal)
		callBack(the, &termination.callback);
}

static void onTerminate(xsMachine* the)
{
	sigset_t signals;
	keepCallback(the, &termination.callback, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	termination.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (termination.fd < 0)
		fail(the, "native-signals", "Run on Linux 2.6.27 or later.", "Signals can't be waited for: %s", strerror(errno));
	watch(the, termination.fd, POLLIN, terminationReady, NULL);
}

static void exitWith(xsMachine* the)
{
	exit((int)numberArgument(the, 0, 0, 255));
}

void defineConsole(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "print", print, 1);
	defineFunction(the, native, "printError", printError, 1);
	defineFunction(the, native, "input", readInput, 1);
	defineFunction(the, native, "onTerminate", onTerminate, 1);
	defineFunction(the, native, "exit", exitWith, 1);
}
