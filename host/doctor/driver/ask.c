// The parent's end: starts the children, waits as long as it may, and takes what they have said.
// Nothing that the driver does ends this process, prints on its output or leaves a child behind,
// except one that not even the kernel can end.
#define _GNU_SOURCE // waitid's WNOWAIT; environ
#include "ask.h"
#include "ask_page.h"
#include "gpu_json.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NVML, CUDA, CHILDREN };
struct child {
  pid_t pid; // 0: none
  struct ask_page *page;
  bool ended, late;
  int status; // of waitpid; -1: somebody else took it
  int error;  // why there is none
};

// ---- in the child ------------------------------------------------------------------------------

// The list is changed in place, for setenv's lock may be held by a thread that is not here.
static void unset(const char *const *names) {
  char **to = environ;
  for (char **from = environ; from && *from; from++) {
    bool hidden = false;
    for (const char *const *name = names; *name; name++) {
      size_t length = strlen(*name);
      hidden |= !strncmp(*from, *name, length) && (*from)[length] == '=';
    }
    if (!hidden) *to++ = *from;
  }
  if (to) *to = NULL;
}

static void settle(pid_t parent, double seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1); // it ended before that
  setpgid(0, 0);                     // what the driver starts ends with the child
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  alarm((unsigned)seconds + 2); // should nobody be there to end it
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  int nowhere = open("/dev/null", O_RDWR);
  for (int i = 0; nowhere >= 0 && i < 3; i++) dup2(nowhere, i);
  unset((const char *const[]){"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", NULL});
}

static void start(struct child *child, struct ask_page *page, ask_questions *ask,
                  const char *library, double seconds) {
  *child = (struct child){.page = page, .status = -1};
  page->gpu = gpu_none("");
  page->seconds = seconds;
  sigset_t all, before;
  sigfillset(&all);
  pid_t parent = getpid();
  pthread_sigmask(SIG_SETMASK, &all, &before); // no handler of ours runs in the child
  child->pid = fork();
  if (child->pid == 0) {
    settle(parent, seconds);
    ask(page, library);
    answered(page);
    atomic_store(&page->done, true);
    _exit(0);
  }
  child->error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (child->pid < 0) *child = (struct child){.page = page, .ended = true, .error = child->error};
}

// ---- waiting -----------------------------------------------------------------------------------

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Has it ended? Its group is ended first, while its number cannot be anybody else's.
static void look(struct child *child) {
  if (child->ended) return;
  siginfo_t info = {0};
  int got = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
  if (got < 0 && errno == EINTR) return;
  if (!got && info.si_pid == 0) return;
  child->ended = true;
  if (got < 0) return; // SIGCHLD is ignored here, or somebody else waits for every child
  kill(-child->pid, SIGKILL);
  if (waitpid(child->pid, &child->status, WNOHANG) != child->pid) child->status = -1;
}

static bool wait_until(struct child *children, double deadline) {
  for (long nap = 250000;; nap = nap < 8000000 ? nap * 2 : nap) {
    bool all = true;
    for (int i = 0; i < CHILDREN; i++) {
      look(&children[i]);
      all &= children[i].ended;
    }
    const struct child *nvml = &children[NVML];
    if (nvml->ended || atomic_load(&nvml->page->done)) atomic_store(&children[CUDA].page->go, true);
    if (all) return true;
    if (now() >= deadline) return false;
    nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
  }
}

static void wait_for(struct child *children, double seconds) {
  if (wait_until(children, now() + seconds)) return;
  for (int i = 0; i < CHILDREN; i++) {
    if (children[i].ended) continue;
    children[i].late = true;
    kill(-children[i].pid, SIGKILL);
    kill(children[i].pid, SIGKILL);
  }
  wait_until(children, now() + 0.2); // one that sleeps in the kernel is left to it
}

// ---- what came of it ---------------------------------------------------------------------------

static const char *signal_name(struct arena *arena, int signal) {
  static const struct {
    int signal;
    const char *name;
  } rows[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
              {SIGILL, "SIGILL"},   {SIGFPE, "SIGFPE"},   {SIGSYS, "SIGSYS"},
              {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}, {SIGALRM, "SIGALRM"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].signal == signal) return rows[i].name;
  return arena_print(arena, "signal %d", signal);
}

// What kept a child from saying all; "".
static const char *trouble(struct arena *arena, const struct child *child, double seconds) {
  const struct ask_page *page = child->page;
  if (!child->pid) return arena_print(arena, "no process to ask in: %s", strerror(child->error));
  if (atomic_load(&page->done)) return "";
  char call[sizeof page->call] = "";
  memcpy(call, page->call, sizeof call - 1);
  if (child->late) return arena_print(arena, "%s gave no answer within %g s", call, seconds);
  if (child->status == -1) return arena_print(arena, "ended in %s", call);
  if (WIFSIGNALED(child->status))
    return arena_print(arena, "crashed in %s (%s)", call,
                       signal_name(arena, WTERMSIG(child->status)));
  return arena_print(arena, "ended in %s (exit status %d)", call, WEXITSTATUS(child->status));
}

static void take(struct arena *arena, const struct ask_page *page, struct gpu *gpu) {
  int ready = atomic_load(&page->ready);
  if (ready != 1 && ready != 2) return;
  size_t length = page->length[ready - 1];
  if (length > ASK_TEXT) return;                                       // scribbled over
  const char *text = arena_copy(arena, page->text[ready - 1], length); // still its memory, too
  struct why_error error;
  gpu_json_read(arena, text, length, gpu, &error);
}

void ask_driver(struct arena *arena, const struct ask_limits *limits, struct gpu *gpu) {
  *gpu = gpu_none("libcuda.so.1, libnvidia-ml.so.1");
  double seconds = limits->seconds > 0 ? limits->seconds : 10;
  struct ask_page *page = mmap(NULL, CHILDREN * sizeof *page, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    gpu->why = arena_print(arena, "no memory to ask with: %s", strerror(errno));
    return;
  }
  struct child child[CHILDREN];
  start(&child[NVML], &page[NVML], ask_nvml, limits->nvml ? limits->nvml : "libnvidia-ml.so.1",
        seconds);
  start(&child[CUDA], &page[CUDA], ask_cuda, limits->cuda ? limits->cuda : "libcuda.so.1", seconds);
  wait_for(child, seconds);
  for (int i = 0; i < CHILDREN; i++) {
    take(arena, &page[i], gpu);
    const char *words = trouble(arena, &child[i], seconds);
    if (*words && i == NVML) gpu->nvml_why = words;
    if (*words && i == CUDA) gpu->cuda_why = words;
  }
  munmap(page, CHILDREN * sizeof *page);
  gpu_judge(arena, gpu);
}
