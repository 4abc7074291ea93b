// SPDX-License-Identifier: Apache-2.0
#include "server/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/errlog.h"
#include "server/own_files.h"

namespace weir::server {

namespace {

constexpr const char* kUsualUser = "weir";

/// Of the calling thread; threads that it starts inherit them. Those that weir was not given (in a
/// container) it does without.
bool keep_only(std::initializer_list<unsigned> wanted) {
  std::vector<unsigned> kept;
  ::capng_get_caps_process();
  for (unsigned each : wanted) {
    if (::capng_have_capability(CAPNG_PERMITTED, each) != 0) {
      kept.push_back(each);
    }
  }
  ::capng_clear(CAPNG_SELECT_CAPS);
  for (unsigned each : kept) {
    if (::capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                       each) != 0) {
      return false;
    }
  }
  return ::capng_apply(CAPNG_SELECT_CAPS) == 0;
}

/// Whom weir is to work as; none, without a problem: as root.
std::optional<Account> account_of(const config::Config& config, std::string& problem) {
  auto account = find_user(config.user.empty() ? kUsualUser : config.user);
  if (!account) {
    if (config.user.empty()) {
      log_warn("server: weir works as root: name a user (user NAME), or make one called {}",
               kUsualUser);
    } else {
      problem = fmt::format("there is no user {}", config.user);
    }
    return std::nullopt;
  }
  if (!config.group.empty()) {
    auto group = group_number(config.group);
    if (!group) {
      problem = fmt::format("there is no group {}", config.group);
      return std::nullopt;
    }
    account->group = *group;
  }
  return account;
}

} // namespace

bool Privileges::work_as_user(const config::Config& config, std::string& problem) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L); // for the threads to come, too
  if (::geteuid() != 0) {
    if (std::string self = name_of_user(::geteuid()); !config.user.empty() && config.user != self) {
      log_warn("server: weir was started by {} and works as {}, not as {}", self, self,
               config.user);
    }
    return true;
  }
  auto account = account_of(config, problem);
  if (!account || account->user == 0) {
    return problem.empty();
  }
  OwnFiles files = own_files(config);
  std::vector<std::string> folders(files.folders.begin(), files.folders.end());
  for (const std::string& file : files.written) {
    folders.push_back(file.substr(0, file.rfind('/') + 1));
  }
  for (const std::string& folder : folders) {
    if (!make_folder(folder, *account)) {
      log_error("server: {} cannot be made for {}: {}", folder, account->name,
                std::strerror(errno));
    }
  }
  // The real user stays root until give_up_root(): then all capabilities go, on every thread.
  if (::initgroups(account->name.c_str(), account->group) != 0 ||
      ::setresgid(account->group, account->group, account->group) != 0 ||
      ::setresuid(0, account->user, 0) != 0) {
    problem = fmt::format("weir cannot work as {}: {}; `user root` keeps it root", account->name,
                          std::strerror(errno));
    return false;
  }
  // No capability is effective now: what is told is what holds from give_up_root() on.
  for (const std::string& told : told_unwritable(files)) {
    log_error("server: {}", told);
  }
  ::capng_get_caps_process();
  const unsigned reads = ::capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) != 0
                             ? CAP_DAC_READ_SEARCH
                             : CAP_DAC_OVERRIDE; // what a container has
  if (!keep_only({CAP_NET_BIND_SERVICE, reads, CAP_CHOWN})) {
    problem = fmt::format("capabilities cannot be limited: {}", std::strerror(errno));
    return false;
  }
  account_ = *account;
  return true;
}

bool Privileges::give_up_root(const config::Config& config, std::string& problem) {
  if (account_.user != 0) {
    // setresuid() is carried out on each thread; what is kept over it is this thread's only.
    if (::prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0 ||
        ::setresuid(account_.user, account_.user, account_.user) != 0 ||
        !keep_only({CAP_NET_BIND_SERVICE}) || ::prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) != 0) {
      problem = fmt::format("root cannot be given up: {}", std::strerror(errno));
      return false;
    }
    log_info("server: weir works as {}", account_.name);
    for (const std::string& file : unreadable(own_files(config))) {
      log_warn("server: {} cannot be read by {}: a reload will be refused", file, account_.name);
    }
  }
  if (config.options.seccomp) {
    std::string why;
    confined_ = confine(why);
    if (!confined_) {
      log_warn("server: {}", why);
    }
  }
  return true;
}

} // namespace weir::server
