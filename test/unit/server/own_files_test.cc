// SPDX-License-Identifier: Apache-2.0
#include "server/own_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir;
using namespace weir::server;
using Names = std::set<std::string>;

namespace {

struct Folder {
  Folder() {
    const char* base = ::getenv("TMPDIR");
    path = std::string(base != nullptr ? base : "/tmp") + "/weir-own-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

OwnFiles of(std::string_view text) {
  config::LoadSettings settings;
  settings.outside = false;
  auto loaded = config::load_text("weir.conf", text, settings);
  INFO(config::print(loaded.diagnostics));
  REQUIRE(loaded.config);
  return own_files(*loaded.config);
}

} // namespace

TEST_CASE("what weir writes to: folders of its own, files in folders of others") {
  OwnFiles files = of(R"(
log { sqlite /l; json /var/log/a.json; errors /var/log/e.log }
admin { socket /run/weir.sock }
cache main { memory 1MB; disk /c 1GB }
forward f { listen 127.0.0.1:1; cache main }
)");
  CHECK(files.folders == Names{"/c", "/l", "/var/lib/weir/state"});
  CHECK(files.written == Names{"/run/weir.sock.lock", "/var/log/a.json", "/var/log/e.log"});
}

TEST_CASE("what a reload reads: the configuration, keys, certificates, the token, lists, pages") {
  OwnFiles files = of(R"(
state /s
admin { http 127.0.0.1:2; token @/t }
list ads { file /ads format hosts }
page sorry @/p.html
pool app { server a.test:443 tls; client-cert /o.pem key /o.key; ca /o.ca }
forward f {
  listen 127.0.0.1:1 tls cert /f.pem client-cert required /clients.ca
  ca /f.ca
  rules { deny list ads page sorry; respond 200 @/f.txt path /f; allow all }
}
site a.test {
  listen 127.0.0.1:3 tls cert /a.pem key /a.key cert /b.pem
  route / { pool app }
  route /r { respond 200 @/r.txt }
}
)");
  CHECK(files.read == Names{"/a.key", "/a.pem", "/ads", "/b.pem", "/clients.ca", "/f.ca", "/f.pem",
                            "/f.txt", "/o.ca", "/o.key", "/o.pem", "/p.html", "/r.txt", "/t",
                            "weir.conf"});
  CHECK(files.folders == Names{"/s"});
}

TEST_CASE("folders that are missing are made, and no others") {
  Folder folder;
  Account self{"me", ::geteuid(), ::getegid()};
  CHECK(make_folder(folder.path + "/a/b/c", self));
  CHECK(std::filesystem::is_directory(folder.path + "/a/b/c"));
  CHECK(make_folder(folder.path + "/a/b/c", self));
  CHECK(make_folder(folder.path + "/a/b/d/", self)); // of a file: as it is cut off
  CHECK(std::filesystem::is_directory(folder.path + "/a/b/d"));
  CHECK(make_folder("", self));
  std::ofstream(folder.path + "/file") << "x";
  CHECK_FALSE(make_folder(folder.path + "/file/below", self));
}

TEST_CASE("what is somebody else's is named, with whose it is and who may not") {
  if (::geteuid() != 0) {
    return; // only root can leave files of its own to another
  }
  Folder folder;
  ::chmod(folder.path.c_str(), 0755);
  Account nobody = find_user("nobody").value();
  OwnFiles files;
  files.folders = {folder.path + "/cache", folder.path + "/gone", folder.path + "/mixed",
                   folder.path + "/own", folder.path + "/shut/state"};
  files.written = {folder.path + "/own/lock", folder.path + "/lock"};
  files.read = {folder.path + "/key", folder.path + "/no-such", folder.path + "/public"};
  std::filesystem::create_directories(folder.path + "/cache");
  std::filesystem::create_directories(folder.path + "/shut/state");
  ::chmod((folder.path + "/shut").c_str(), 0700);
  CHECK(make_folder(folder.path + "/own", nobody));
  CHECK(make_folder(folder.path + "/mixed", nobody));
  std::ofstream(folder.path + "/mixed/000.sst") << "x";
  std::ofstream(folder.path + "/key") << "x";
  std::ofstream(folder.path + "/public") << "x";
  ::chmod((folder.path + "/key").c_str(), 0600);

  REQUIRE(::setresuid(0, nobody.user, 0) == 0);
  auto told = told_unwritable(files);
  auto not_read = unreadable(files);
  REQUIRE(::setresuid(0, 0, 0) == 0);

  std::string belongs = " belongs to root, and weir works as nobody, who may not write to it: "
                        "chown it, or say `user root`";
  CHECK(told == std::vector<std::string>{folder.path + "/cache" + belongs,
                                         folder.path + "/mixed/000.sst" + belongs,
                                         folder.path +
                                             "/shut/state cannot be used: weir works as "
                                             "nobody, who may not enter " +
                                             folder.path + "/shut",
                                         folder.path + belongs});
  CHECK(not_read == std::vector<std::string>{folder.path + "/key"});
}
