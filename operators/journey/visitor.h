// Visitor: borrows a callable for the length of a call. No allocation, unlike std::function.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace leadflow {

template <class Signature>
class Visitor;

template <class R, class... Args>
class Visitor<R(Args...)> {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, Visitor>>>
  Visitor(F&& f)  // NOLINT: implicit, so that a lambda can be handed over as it is
      : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* callable, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(callable))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(callable_, std::forward<Args>(args)...); }

 private:
  void* callable_;
  R (*call_)(void*, Args...);
};

}  // namespace leadflow
