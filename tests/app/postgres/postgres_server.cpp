#include "tests/app/postgres/postgres_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "core/base/error.hpp"

namespace fp::test {

namespace {

namespace fs = std::filesystem;

/// Of the newest version that is installed, by Debian's layout.
fs::path programs() {
  std::pair<int, fs::path> newest;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(version.path() / "bin/postgres")) {
      newest = std::max(newest, {std::atoi(version.path().filename().c_str()), version.path() / "bin"});
    }
  }
  if (newest.first == 0) throw std::runtime_error("PostgreSQL is missing: apt-get install postgresql");
  return newest.second;
}

struct user {
  uid_t id = 0;
  gid_t group = 0;
};

user server_user() {
  if (::getuid() != 0) return {::getuid(), ::getgid()};
  const auto* entry = ::getpwnam("postgres");
  if (entry == nullptr) throw std::runtime_error("there is no user \"postgres\"");
  return {entry->pw_uid, entry->pw_gid};
}

/// A folder of the server's user.
fs::path make_folder() {
  auto pattern = (fs::temp_directory_path() / "fpnode-postgres-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
  const auto as = server_user();
  if (::chown(pattern.c_str(), as.id, as.group) != 0)
    throw std::system_error(errno, std::generic_category(), pattern);
  return pattern;
}

/// Starts a program as the server's user; its output goes to a descriptor. It ends with this program.
pid_t start_program(const std::vector<std::string>& words, int output) {
  std::vector<char*> argv;
  for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  const auto as = server_user();
  const bool is_root = ::getuid() == 0;
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (is_root && (::setgid(as.group) != 0 || ::setuid(as.id) != 0)) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  ::dup2(output, 1);
  ::dup2(output, 2);
  if (::chdir("/") != 0) ::_exit(126);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

void run_program(const std::vector<std::string>& words) {
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  int status = 0;
  ::waitpid(start_program(words, nothing), &status, 0);
  ::close(nothing);
  if (status != 0) throw std::runtime_error(words.front() + " has failed");
}

uint16_t free_port() {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  ::bind(s, reinterpret_cast<sockaddr*>(&a), size);
  ::getsockname(s, reinterpret_cast<sockaddr*>(&a), &size);
  ::close(s);
  return ntohs(a.sin_port);
}

/// The data folder that all servers of a process begin as.
const fs::path& original() {
  struct made {
    made() {
      std::ofstream(folder / "password") << "secret word";
      run_program({programs() / "initdb", "-D", folder / "data", "-U", "admin", "-A", "scram-sha-256",
                   "--auth-local=trust", "--pwfile=" + (folder / "password").string(), "--no-sync",
                   "--wal-segsize=4", "--encoding=UTF8", "--locale=C.UTF-8"});
      run_program(
          {"/bin/sh", "-c",
           "printf \"create role feed login password 'secret word'\\ncreate database feed owner feed\\n\" | " +
               (programs() / "postgres").string() + " --single -D " + (folder / "data").string() + " postgres"});
    }
    ~made() {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
    fs::path folder = make_folder();
  };
  static const made m;
  return m.folder;
}

}  // namespace

postgres_server::postgres_server(const options& how) : how_(how), folder_(make_folder()), port_(free_port()) {
  if (how_.primary != nullptr) {
    run_program({programs() / "pg_basebackup", "-D", folder_ / "data", "-h", how_.primary->folder_.string(), "-p",
                 std::to_string(how_.primary->port_), "-U", "admin", "-R", "-c", "fast", "--no-sync"});
    how_.is_standby = true;
    start();
    return;
  }
  run_program({"/bin/cp", "-a", (original() / "data").string(), (folder_ / "data").string()});
  if (how_.is_standby) run_program({"/bin/touch", (folder_ / "data/standby.signal").string()});
  start();
}

postgres_server::~postgres_server() {
  if (postmaster_ > 0) {
    // It removes what it has of the machine's shared memory.
    thaw();
    ::kill(postmaster_, SIGQUIT);
    reap();
  } else {
    remove_shared_memory();
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string postgres_server::url(const std::string& database, const std::string& other_hosts) const {
  return "postgresql://feed:secret%20word@" + host() + (other_hosts.empty() ? "" : "," + other_hosts) + "/" +
         database;
}

std::string postgres_server::admin(const std::string& sql, const std::string& database) const {
  const auto address =
      "host=" + folder_.string() + " port=" + std::to_string(port_) + " user=admin dbname=" + database;
  const std::unique_ptr<PGconn, decltype(&::PQfinish)> connection(::PQconnectdb(address.c_str()), ::PQfinish);
  const std::unique_ptr<PGresult, decltype(&::PQclear)> result(::PQexec(connection.get(), sql.c_str()), ::PQclear);
  const auto status = ::PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw error(errc::io_error, sql + ": " + ::PQerrorMessage(connection.get()));
  }
  return ::PQntuples(result.get()) > 0 ? ::PQgetvalue(result.get(), 0, 0) : "";
}

std::string postgres_server::make_database() {
  const auto name = "test" + std::to_string(++num_databases_);
  admin("create database " + name + " owner feed", "postgres");
  return name;
}

void postgres_server::start() {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  std::vector<std::string> words{programs() / "postgres", "-D", folder_ / "data",     "-k",
                                 folder_.string(),        "-p", std::to_string(port_)};
  for (const std::string s : {"listen_addresses=127.0.0.1", "shared_buffers=32MB", "log_checkpoints=off",
                              "log_lock_waits=on", "deadlock_timeout=100ms", "dynamic_shared_memory_type=mmap"}) {
    words.insert(words.end(), {"-c", s});
  }
  for (const auto& s : how_.settings) words.insert(words.end(), {"-c", s});
  postmaster_ = start_program(words, pipe[1]);
  ::close(pipe[1]);
  log_ = pipe[0];
  {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }
  log_reader_ = std::jthread([this, file = log_] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(file, buffer, sizeof buffer)) > 0;) {
      const std::lock_guard lock(mutex_);
      lines_.append(buffer, static_cast<size_t>(n));
      log_grows_.notify_all();
    }
  });
  if (!wait_for_log(how_.is_standby ? "ready to accept read-only connections" : "ready to accept connections")) {
    throw std::runtime_error("PostgreSQL does not start:\n" + lines_);
  }
}

bool postgres_server::wait_for_log(const std::string& text) {
  std::unique_lock lock(mutex_);
  size_t at = std::string::npos;
  const auto has_come = [&] {
    at = lines_.find(text);
    return at != std::string::npos;
  };
  if (!log_grows_.wait_for(lock, std::chrono::minutes(1), has_come)) return false;
  lines_.erase(0, at + text.size());
  return true;
}

/// The postmaster first; its children make sessions of their own.
std::vector<pid_t> postgres_server::processes() const {
  std::vector<pid_t> all{postmaster_};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (pid == 0 || !std::getline(file, text)) continue;
    // pid (name) state parent
    const auto behind_name = text.rfind(')');
    if (behind_name != std::string::npos && std::atoi(text.c_str() + behind_name + 4) == postmaster_) {
      all.push_back(pid);
    }
  }
  return all;
}

/// What a killed server leaves, and its next start would find: the seventh line of its lock file is the key and the
/// number.
void postgres_server::remove_shared_memory() const {
  std::ifstream file(folder_ / "data/postmaster.pid");
  std::string line;
  for (int i = 0; i < 7; i++) std::getline(file, line);
  int key = 0, id = 0;
  if (std::istringstream(line) >> key >> id) ::shmctl(id, IPC_RMID, nullptr);
}

void postgres_server::reap() {
  ::waitpid(postmaster_, nullptr, 0);
  postmaster_ = 0;
  log_reader_.join();
  ::close(log_);
}

void postgres_server::kill() {
  std::vector<pollfd> ends;
  // So that it makes no further ones.
  ::kill(postmaster_, SIGSTOP);
  const auto all = processes();
  for (const auto pid : all) {
    if (pid != postmaster_) ends.push_back({static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0});
    ::kill(pid, SIGKILL);
  }
  for (auto& e : ends) {
    if (e.fd < 0) continue;
    ::poll(&e, 1, -1);
    ::close(e.fd);
  }
  reap();
}

void postgres_server::stop() {
  ::kill(postmaster_, SIGINT);
  reap();
}

void postgres_server::promote() {
  if (!how_.is_standby) {
    stop();
    run_program({"/bin/touch", (folder_ / "data/standby.signal").string()});
    how_.is_standby = true;
    start();
  }
  how_.is_standby = false;
  admin("select pg_promote()", "postgres");
}

void postgres_server::freeze() {
  for (const auto pid : processes()) ::kill(pid, SIGSTOP);
}

void postgres_server::thaw() {
  for (const auto pid : processes()) ::kill(pid, SIGCONT);
}

postgres_server& shared_postgres() {
  static postgres_server server;
  return server;
}

}  // namespace fp::test
