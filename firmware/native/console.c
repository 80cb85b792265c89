/* native.print, native.log, native.printError, native.input, native.onTerminate, native.restart, native.exit */
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

static bool printLine(xsMachine* the, OutputStream stream, bool wait)
{
	char* text = textArgument(the, 0);
	size_t length = strlen(text);
	bool taken;
	text[length] = '\n';
	taken = putOut(stream, text, length + 1, wait);
	free(text);
	return taken;
}

static void print(xsMachine* the)
{
	printLine(the, OUTPUT_LINES, true);
}

static void logLine(xsMachine* the)
{
	xsmcSetBoolean(xsResult, printLine(the, OUTPUT_LINES, false));
}

static void printError(xsMachine* the)
{
	printLine(the, OUTPUT_ERRORS, false);
}

static struct {
	Callback callback;
	Watch* watch;
	char* line;
	size_t room;
	size_t length;
	/* Bytes of a line at most. */
	size_t most;
	bool tooLong;
} input;

static void endLine(xsMachine* the)
{
	if (input.tooLong)
		callBackNull(the, &input.callback);
	else
		callBackText(the, &input.callback, input.line, input.length);
	input.tooLong = false;
	input.length = 0;
}

static bool hasRoom(void)
{
	size_t room = input.room ? 2 * input.room : 4096;
	char* line;
	if (input.length >= input.most)
		return false;
	if (input.length < input.room)
		return true;
	if (!(line = realloc(input.line, room)))
		return false;
	input.line = line;
	input.room = room;
	return true;
}

static void endInput(xsMachine* the)
{
	unwatch(input.watch);
	/* Its last line may lack its end. */
	if (input.length || input.tooLong)
		endLine(the);
	callBack(the, &input.callback);
}

/* A terminal is read by the job in front: who reads it from behind is refused, and goes on without. */
static bool isBehind(void)
{
	return errno == EIO && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) != getpgrp();
}

static void inputReady(xsMachine* the, short events, void* context)
{
	char buffer[4096];
	ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
	ssize_t i;
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got < 0 && isBehind()) {
		unwatch(input.watch);
		return;
	}
	if (got <= 0) {
		endInput(the);
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
	input.most = xsmcArgc > 1 ? (size_t)numberArgument(the, 1, 1, LINE_LIMIT) : LINE_LIMIT;
	keepCallback(the, &input.callback, 0);
	/* A file or /dev/null is nobody who speaks, and its end says nothing. */
	if (fstat(STDIN_FILENO, &status) || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(STDIN_FILENO)))
		return;
	/* Else a terminal would stop the whole process, and what it holds would stay as it is. */
	signal(SIGTTIN, SIG_IGN);
	input.watch = watch(the, STDIN_FILENO, POLLIN, inputReady, NULL);
}

static struct {
	Callback callback;
	int fd;
} termination = { .fd = -1 };

static void terminationReady(xsMachine* the, short events, void* context)
{
	struct signalfd_siginfo signal;
	if (read(termination.fd, &signal, sizeof signal) == sizeof signal)
		callBack(the, &termination.callback);
}

/* One that is ignored, as nohup has SIGHUP ignored, stays so. */
static void addUnlessIgnored(sigset_t* signals, int signal)
{
	struct sigaction action;
	if (!sigaction(signal, NULL, &action) && action.sa_handler != SIG_IGN)
		sigaddset(signals, signal);
}

static void onTerminate(xsMachine* the)
{
	sigset_t signals;
	keepCallback(the, &termination.callback, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	addUnlessIgnored(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	termination.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (termination.fd < 0)
		fail(the, "native-signals", "Run on Linux 2.6.27 or later.", "Signals can't be waited for: %s", strerror(errno));
	watch(the, termination.fd, POLLIN, terminationReady, NULL);
}

#define ARGUMENTS 64

/* The same program in this process's place, with these arguments: nothing of this machine is left. */
static void restart(xsMachine* the)
{
	struct pollfd told = { termination.fd, POLLIN, 0 };
	int milliseconds = (int)numberArgument(the, 0, 0, 3600000);
	char* parameters[ARGUMENTS + 3] = { commandLine[0], commandLine[1] };
	sigset_t none;
	int i;
	for (i = 1; i < xsmcArgc && i <= ARGUMENTS; i++)
		parameters[i + 1] = textArgument(the, i);
	endProcesses();
	closeSerials();
	if (poll(&told, 1, milliseconds) > 0)
		exit(0);
	finishOutputs();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", parameters);
	fail(the, "native-restart", "Start it again.", "The program can't be started again: %s", strerror(errno));
}

static void exitWith(xsMachine* the)
{
	exit((int)numberArgument(the, 0, 0, 255));
}

void defineConsole(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "print", print, 1);
	defineFunction(the, native, "log", logLine, 1);
	defineFunction(the, native, "printError", printError, 1);
	defineFunction(the, native, "input", readInput, 2);
	defineFunction(the, native, "onTerminate", onTerminate, 1);
	defineFunction(the, native, "restart", restart, 1);
	defineFunction(the, native, "exit", exitWith, 1);
}
