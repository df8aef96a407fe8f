/** Waiting for other threads that are at work already: a moment, unless the system took their processor away. */
#ifndef BERTWRIGHT_SPIN_H
#define BERTWRIGHT_SPIN_H

#include <cstddef>
#include <thread>

namespace bertwright {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <typename Condition>
void spinUntil(const Condition& holds) {
  for (size_t spins = 0; !holds(); spins++) {
    if (spins < 2000) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace bertwright

#endif
