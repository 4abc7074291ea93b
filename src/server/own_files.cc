// SPDX-License-Identifier: Apache-2.0
#include "server/own_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "server/build.h"

namespace weir::server {

namespace {

namespace fs = std::filesystem;

constexpr int kEnter = X_OK;
constexpr int kChange = W_OK | X_OK; // a folder
constexpr int kWrite = W_OK;         // a file

void add(std::set<std::string>& files, const std::string& file) {
  if (!file.empty()) {
    files.insert(file);
  }
}

void add(std::set<std::string>& files, const config::CertDecl& decl) {
  add(files, decl.cert);
  add(files, decl.key);
}

void add(std::set<std::string>& files, const std::vector<config::ListenDecl>& listens) {
  for (const config::ListenDecl& listen : listens) {
    for (const config::CertDecl& decl : listen.certs) {
      add(files, decl);
    }
    add(files, listen.client_ca);
  }
}

void add(std::set<std::string>& files, const std::vector<config::RuleDecl>& rules) {
  for (const config::RuleDecl& rule : rules) {
    add(files, rule.respond.file);
  }
}

void add(std::set<std::string>& files, const config::OriginTls& tls) {
  add(files, tls.own);
  add(files, tls.ca);
}

std::set<std::string> files_read(const config::Config& config) {
  std::set<std::string> files(config.files.begin(), config.files.end());
  add(files, config.admin.token_file);
  for (const config::ListDecl& list : config.lists) {
    files.insert(list.files.begin(), list.files.end());
  }
  for (const config::UsersDecl& users : config.users) {
    add(files, users.file);
  }
  for (const config::PageDecl& page : config.pages) {
    add(files, page.file);
  }
  for (const config::PoolDecl& pool : config.pools) {
    add(files, pool.tls);
  }
  for (const config::ForwardDecl& forward : config.forwards) {
    add(files, forward.listens);
    add(files, forward.tls);
    add(files, forward.rules);
  }
  for (const config::SiteDecl& site : config.sites) {
    add(files, site.listens);
    add(files, site.rules);
    for (const config::RouteDecl& route : site.routes) {
      add(files, route.respond.file);
      add(files, route.rules);
    }
  }
  return files;
}

/// What is not there is in nobody's way.
bool may(const fs::path& path, int how) {
  return ::faccessat(AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0 ||
         (errno != EACCES && errno != EROFS && errno != EPERM);
}

std::string tell(const fs::path& path) {
  int why = errno;
  struct stat info {};
  const uid_t user = ::geteuid();
  if (why == EROFS || ::stat(path.c_str(), &info) != 0) {
    return fmt::format("{}: {}", path.string(), tell_file_error(why));
  }
  return fmt::format(
      "{} belongs to {}, and weir works as {}, who may not write to it: chown it, or "
      "say `user {}`",
      path.string(), name_of_user(info.st_uid), name_of_user(user), name_of_user(info.st_uid));
}

/// A folder on the way that cannot be entered; empty: none.
std::string tell_way(const fs::path& path) {
  fs::path way;
  for (const fs::path& part : path.parent_path()) {
    way /= part;
    if (!may(way, kEnter)) {
      return fmt::format("{} cannot be used: weir works as {}, who may not enter {}", path.string(),
                         name_of_user(::geteuid()), way.string());
    }
  }
  return {};
}

std::string tell_folder(const fs::path& folder) {
  if (std::string way = tell_way(folder); !way.empty()) {
    return way;
  }
  if (!may(folder, kChange)) {
    return tell(folder);
  }
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    if (!may(at->path(), at->is_directory(ignored) ? kChange : kWrite)) {
      return tell(at->path());
    }
  }
  return {};
}

std::string tell_file(const fs::path& file) {
  if (std::string way = tell_way(file); !way.empty()) {
    return way;
  }
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    return may(file, kWrite) ? std::string() : tell(file);
  }
  fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return may(folder, kChange) ? std::string() : tell(folder);
}

} // namespace

OwnFiles own_files(const config::Config& config) {
  OwnFiles files;
  files.folders.insert(state_folder(config));
  add(files.folders, config.log.sqlite);
  for (const config::CacheDecl& cache : config.caches) {
    add(files.folders, cache.disk_path);
  }
  add(files.written, config.log.json);
  add(files.written, config.log.errors);
  if (!config.admin.socket.empty()) {
    files.written.insert(config.admin.socket + ".lock"); // made beside it, and kept
  }
  files.read = files_read(config);
  return files;
}

bool make_folder(const std::string& path, const Account& account) {
  const fs::path folder(path);
  std::error_code error;
  if (folder.empty() || fs::exists(folder, error)) {
    return true;
  }
  if (folder.has_parent_path() && folder.parent_path() != folder &&
      !make_folder(folder.parent_path().string(), account)) {
    return false;
  }
  if (::mkdir(folder.c_str(), 0755) != 0) {
    return errno == EEXIST;
  }
  return ::lchown(folder.c_str(), account.user, account.group) == 0;
}

std::vector<std::string> told_unwritable(const OwnFiles& files) {
  std::vector<std::string> told;
  for (const std::string& folder : files.folders) {
    if (std::string text = tell_folder(folder); !text.empty()) {
      told.push_back(std::move(text));
    }
  }
  for (const std::string& file : files.written) {
    if (std::string text = tell_file(file); !text.empty()) {
      told.push_back(std::move(text));
    }
  }
  return told;
}

std::vector<std::string> unreadable(const OwnFiles& files) {
  std::vector<std::string> found;
  for (const std::string& file : files.read) {
    if (!may(file, R_OK)) {
      found.push_back(file);
    }
  }
  return found;
}

} // namespace weir::server
