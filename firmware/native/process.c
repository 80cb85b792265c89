/* native.process: a program of its own on this same host, with one text for its standard input and one from its standard output. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host.h"

#define PROCESSES 8
#define OUTPUT_LIMIT (256 * 1024)
/* Its own clock ends a process, unless somebody stopped it: then it is ended from here, so much later. */
#define GRACE_MS 1000

typedef struct {
	bool running;
	pid_t pid;
	Callback ended;
	char* input;
	size_t inputLength;
	size_t written;
	Watch* writing;
	char* output;
	size_t outputLength;
	Watch* reading;
	/* When it should have ended by itself. */
	double overdue;
} Process;

static Process processes[PROCESSES];

static void closeWatched(Watch** one)
{
	if (*one) {
		close((*one)->fd);
		unwatch(*one);
	}
	*one = NULL;
}

/* Its status as a shell has it: 128 and more where a signal ended it. */
static int statusOf(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void tellEnd(xsMachine* the, Process* process)
{
	int status;
	char* output = process->output;
	/* A program of this host closes its output by ending; one that does otherwise is not waited for. */
	kill(process->pid, SIGKILL);
	status = statusOf(process->pid);
	closeWatched(&process->writing);
	closeWatched(&process->reading);
	free(process->input);
	/* What is called may start the next one in this place. */
	process->running = false;
	callBackEnd(the, &process->ended, status, output, process->outputLength);
	free(output);
}

static void inputWritable(xsMachine* the, short events, void* context)
{
	Process* process = context;
	ssize_t written = write(process->writing->fd, process->input + process->written, process->inputLength - process->written);
	if (written < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	process->written += written > 0 ? (size_t)written : 0;
	/* One that reads no more has ended, which its output tells. */
	if (written <= 0 || process->written == process->inputLength)
		closeWatched(&process->writing);
}

static void outputReadable(xsMachine* the, short events, void* context)
{
	Process* process = context;
	char rest[4096];
	size_t room = OUTPUT_LIMIT - process->outputLength;
	ssize_t got = read(process->reading->fd, room ? process->output + process->outputLength : rest, room ? room : sizeof rest);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		tellEnd(the, process);
	else if (room)
		process->outputLength += (size_t)got;
	else
		kill(process->pid, SIGKILL);
}

/* In the child: what may be called between fork and exec alone. */
static void __attribute__((noreturn)) become(const char* program, int input, int output, double milliseconds, pid_t parent)
{
	char* parameters[] = { "vertebra-xs", (char*)program, NULL };
	int errors = open("/dev/null", O_WRONLY);
	sigset_t none;
	/* However this process ends, what it started ends with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_ENGINE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The clock of a process goes on through exec, and nobody there stops it. */
	endAfter(milliseconds);
	if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
		execv("/proc/self/exe", parameters);
	_exit(EXIT_ENGINE);
}

static int startChild(const char* program, double milliseconds, int* input, int* output, pid_t* child)
{
	int in[2] = { -1, -1 };
	int out[2] = { -1, -1 };
	pid_t parent = getpid();
	int error = 0;
	*child = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ? -1 : fork();
	if (*child == 0)
		become(program, in[0], out[1], milliseconds, parent);
	if (*child < 0)
		error = errno;
	close(in[0]);
	close(out[1]);
	if (error) {
		close(in[1]);
		close(out[0]);
		return error;
	}
	*input = in[1];
	*output = out[0];
	fcntl(*input, F_SETFL, O_NONBLOCK);
	fcntl(*output, F_SETFL, O_NONBLOCK);
	return 0;
}

static void startProcess(xsMachine* the)
{
	Process* process = processes;
	double milliseconds = numberArgument(the, 2, 1, 3600000);
	char* program;
	int input;
	int output;
	int error;
	while (process < processes + PROCESSES && process->running)
		process++;
	if (process == processes + PROCESSES)
		fail(the, "process-many", "Wait until one of them has ended.", "More than %d processes run at once", PROCESSES);
	keepCallback(the, &process->ended, 3);
	program = textArgument(the, 0);
	process->input = textArgument(the, 1);
	process->inputLength = strlen(process->input);
	process->written = 0;
	process->output = malloc(OUTPUT_LIMIT);
	process->outputLength = 0;
	error = process->output ? startChild(program, milliseconds, &input, &output, &process->pid) : ENOMEM;
	free(program);
	if (error) {
		free(process->input);
		free(process->output);
		dropCallback(the, &process->ended);
		fail(the, "process-start", "Free memory, or end other programs of this machine.", "A process can't be started: %s", strerror(error));
	}
	process->running = true;
	process->overdue = monotonicMilliseconds() + milliseconds + GRACE_MS;
	process->reading = watch(the, output, POLLIN, outputReadable, process);
	process->writing = watch(the, input, POLLOUT, inputWritable, process);
}

double nextOverdue(void)
{
	double next = INFINITY;
	const Process* process;
	for (process = processes; process < processes + PROCESSES; process++) {
		if (process->running && process->overdue < next)
			next = process->overdue;
	}
	return next;
}

/* Their outputs tell that they have ended. */
void endOverdue(void)
{
	double now = monotonicMilliseconds();
	Process* process;
	for (process = processes; process < processes + PROCESSES; process++) {
		if (process->running && process->overdue <= now) {
			kill(process->pid, SIGKILL);
			process->overdue = INFINITY;
		}
	}
}

void endProcesses(void)
{
	Process* process;
	for (process = processes; process < processes + PROCESSES; process++) {
		if (process->running) {
			kill(process->pid, SIGKILL);
			statusOf(process->pid);
			process->running = false;
		}
	}
}

void defineProcess(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "start", startProcess, 4);
	defineFrozen(the, native, "process", &xsVar(1));
}
