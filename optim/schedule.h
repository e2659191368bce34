/* Factors on the learning rate, by the number of steps taken. */
#ifndef OPTIM_SCHEDULE_H
#define OPTIM_SCHEDULE_H

#include <wengert/optim.h>

/* 1 for NULL. */
double schedule_factor(const wg_schedule *schedule, double steps);

#endif
