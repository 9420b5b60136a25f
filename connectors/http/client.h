// A question to an HTTP server, for the commands that look at running processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace leadflow {

struct HttpAddress {
  std::string host;
  std::string port;
};

// "http://127.0.0.1:8080", "http://[::1]:8080", "leadflow:8080"; what follows a / does not count.
// kInvalidArgument: no address, or one that would be encrypted.
Result<HttpAddress> ParseHttpAddress(std::string_view url);

// The body of what is answered 200. kUnavailable: nobody answers, or not in `time`.
// kFailedPrecondition: another status, which is named. `token`: empty: none is sent.
Result<std::string> HttpGet(const HttpAddress& address, std::string_view path,
                            std::string_view token, std::chrono::milliseconds time);

}  // namespace leadflow
