/* A team of threads that shares the work of a context, or of several that agreed to.

   Tasks must not wait for one another: a thread that is late gets none, and one thread may do them all. */
#ifndef BASE_TEAM_H
#define BASE_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct team team;

/* Does one task. `thread` is below the size of the team, and no two tasks that run at once have the same: it chooses
   memory to scribble on. */
typedef void (*team_task)(void *argument, int64_t task, int thread);

/* `threads` counts the caller, so it is at least 1. No thread is started yet. A modest team starts none while all teams
   of the process together have as many as the machine has processors. NULL if there is no memory. */
team *team_new(memory *m, int threads, bool modest);
/* Joins the threads. NULL is fine. */
void team_free(team *t);
int team_size(const team *t);

/* Does tasks 0 to tasks - 1, each once, and returns when all are done. The caller is thread 0 and works too; what it
   wrote before is seen by all tasks, what they wrote is seen by the caller afterwards. Starts the threads when first
   given more than one task, and again in the child of a fork; those that cannot be started are done without.

   With n tasks and T threads, thread t begins with the tasks from t * n / T up to (t + 1) * n / T (T being n if there
   are fewer tasks than threads), and the same tasks go to the same threads in each run as long as none is late. More
   than TEAM_TASKS tasks are dealt in portions of so many.

   A caller who finds the team at work for another one does its tasks alone, as do tasks that call this, and callers
   without a team (NULL). A task must not fork and have the child return. */
void team_run(team *t, team_task task, void *argument, int64_t tasks);

enum { TEAM_TASKS = 1 << 20 };

#endif
