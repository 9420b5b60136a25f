// Status: the outcome of an operation. Result<T>: a T, or the Status saying why there is none.
//
// The one error channel of the engine: every function that can fail for a reason outside the
// program (input, disk, network, configuration) returns one of these two. Nothing in engine/,
// operators/ or connectors/ throws; exceptions of a library are caught in the file that calls it.
// Broken invariants are not errors: they are LEADFLOW_CHECKed and end the process.
//
// Both types are [[nodiscard]]. An OK Status is one null pointer. Const methods are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace leadflow {

enum class ErrorCode : std::uint8_t {
  kOk = 0,
  kInvalidArgument,     // The caller's or the user's input is wrong; retrying cannot help.
  kNotFound,            // The named thing does not exist.
  kFailedPrecondition,  // The system is not in the state this call requires.
  kUnavailable,         // An outside system is away; the same call may succeed later.
  kCorruption,          // Stored bytes do not mean what they should.
  kCancelled,           // Shutdown was requested.
  kInternal,            // A library reported something it documents as impossible.
};

std::string_view ErrorCodeName(ErrorCode code);

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  // OK.

  // REQUIRES: code != kOk
  Status(ErrorCode code, std::string message);

  static Status InvalidArgument(std::string message) {
    return {ErrorCode::kInvalidArgument, std::move(message)};
  }
  static Status NotFound(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
  static Status Unavailable(std::string message) {
    return {ErrorCode::kUnavailable, std::move(message)};
  }
  static Status Corruption(std::string message) {
    return {ErrorCode::kCorruption, std::move(message)};
  }

  bool ok() const noexcept { return error_ == nullptr; }
  ErrorCode code() const noexcept { return ok() ? ErrorCode::kOk : error_->code; }

  // Valid for as long as this Status (or a copy of it) lives. Empty if ok().
  std::string_view message() const noexcept {
    return ok() ? std::string_view() : std::string_view(error_->message);
  }

  // True if waiting and calling again may succeed. The engine backs off and retries; every other
  // error stops the job.
  bool retryable() const noexcept { return code() == ErrorCode::kUnavailable; }

  // The same error with "<context>: " before its message. OK stays OK.
  Status WithContext(std::string_view context) const;

  // "ok", or "<code name>: <message>".
  std::string ToString() const;

 private:
  struct Error {
    ErrorCode code;
    std::string message;
  };
  std::shared_ptr<const Error> error_;  // Null means OK. Shared, so that a copy is cheap.
};

std::ostream& operator<<(std::ostream& out, const Status& status);

template <class T>
class [[nodiscard]] Result {
  static_assert(!std::is_same_v<T, Status>, "return a Status instead");

 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT: implicit, so that `return value;` works
  // REQUIRES: !error.ok()
  Result(Status error) : state_(std::move(error)) {}  // NOLINT: implicit, as above

  bool ok() const noexcept { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

  // REQUIRES: ok(). std::get throws bad_variant_access otherwise; nobody catches it.
  const T& operator*() const& { return std::get<T>(state_); }
  T& operator*() & { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  const T* operator->() const { return &std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }

 private:
  std::variant<Status, T> state_;
};

}  // namespace leadflow

// The only two control-flow macros of the project.
#define LEADFLOW_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                    \
    if (::leadflow::Status leadflow_status = (expression); !leadflow_status.ok())       \
      return leadflow_status;                                                             \
  } while (false)

#define LEADFLOW_ASSIGN_OR_RETURN(declaration, expression) \
  LEADFLOW_ASSIGN_OR_RETURN_(LEADFLOW_CONCAT_(leadflow_result_, __LINE__), declaration, expression)
#define LEADFLOW_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return result.status();                     \
  declaration = *std::move(result)
#define LEADFLOW_CONCAT_(a, b) LEADFLOW_CONCAT_INNER_(a, b)
#define LEADFLOW_CONCAT_INNER_(a, b) a##b
