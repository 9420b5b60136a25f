// What a process shows of itself: its version, memory, processor time and open files; and the
// counters that operators keep, as families with labels.
#pragma once

#include "engine/metrics/exposition.h"
#include "engine/runtime/exchange.h"

namespace leadflow::app {

void ExposeProcess(Exposition* out);

// Counters of this process. What a reason quotes of the data is left out: metrics are no place for
// it.
void ExposeCounters(const Exchange::CounterValues& counters, Exposition* out);

// A reason without what it quotes of a message; only the names of fields of events stay:
// "`status` is \"x\"" -> "`status` is \"...\"".
std::string PlainReason(std::string_view reason);

}  // namespace leadflow::app
