#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "discovery/naming.h"

namespace telegen {
namespace {

struct Case {
  const char* expected;
  const char* exe;
  std::vector<std::string> args;
  const char* cwd = "";
  const char* comm = "";
};

std::string shown(const Case& c) {
  std::string out = c.exe;
  for (const std::string& arg : c.args) out += " | " + arg;
  return out + " in " + c.cwd;
}

// Names what runs, not what runs it.
void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(derive_service_name({c.exe, c.args, c.comm, c.cwd}), c.expected) << shown(c);
  }
}

const char* const kPython = "/usr/bin/python3.11";
const char* const kNode = "/usr/bin/node";
const char* const kJava = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java";

TEST(Naming, Python) {
  check({
      {"app", kPython, {"python", "app.py"}},
      {"app", kPython, {"python3", "-u", "/srv/orders/app.py", "--port", "80"}},
      {"worker", kPython, {"python", "-W", "ignore", "-X", "dev", "worker.py"}},
      {"worker", kPython, {"python", "-Wignore", "-Xdev", "-OO", "worker.py"}},
      {"pkg.mod", kPython, {"python", "-m", "pkg.mod"}},
      {"pkg.mod", kPython, {"python", "-um", "pkg.mod"}},
      {"orders", kPython, {"python", "-m", "orders.__main__"}},
      {"orders", kPython, {"python", "-m", "orders.main"}},
      {"http.server", kPython, {"python", "-m", "http.server", "8000"}},
      {"python", kPython, {"python", "-c", "import app; app.run()"}},
      {"python", kPython, {"python"}},
      {"python", kPython, {"python", "-"}},
      {"python", kPython, {}},
      {"orders", kPython, {"python", "main.py"}, "/srv/orders"},
      {"orders", kPython, {"python", "manage.py", "runserver"}, "/srv/orders"},
      {"orders", kPython, {"python", "src/main.py"}, "/srv/orders"},
      {"main", kPython, {"python", "main.py"}, "/"},
      {"main", kPython, {"python", "main.py"}, "/root"},
      {"main", kPython, {"python", "main.py"}, "/home/ann"},
      {"shop", kPython, {"python", "main.py"}, "/home/ann/shop"},
      {"app", kPython, {"/usr/bin/python3", "/usr/local/bin/gunicorn", "app:app"}},
      {"app", kPython, {"python3", "/usr/local/bin/gunicorn", "-b", "0.0.0.0:80", "-w", "4", "app:app"}},
      {"orders", kPython, {"python3", "/usr/bin/gunicorn3", "--bind=:80", "orders.wsgi:application"}},
      {"orders", kPython, {"python3", "/usr/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "orders.asgi"}},
      {"orders.web", kPython, {"python3", "/usr/bin/gunicorn", "orders.web:create_app('x')"}},
      {"app", kPython, {"python3", "/usr/bin/uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "80"}},
      {"shop", kPython, {"python3", "/usr/bin/uvicorn", "main:app"}, "/srv/shop"},
      {"main", kPython, {"python3", "/usr/bin/uvicorn", "main:app"}},
      {"orders", kPython, {"python3", "-m", "uvicorn", "orders:app"}},
      {"orders", kPython, {"python3", "/usr/bin/celery", "-A", "orders", "worker", "-l", "info"}},
      {"orders.tasks", kPython, {"python3", "-m", "celery", "--app=orders.tasks", "worker"}},
      {"hello", kPython, {"python3", "/usr/bin/flask", "--app", "hello", "run"}},
      {"hello", kPython, {"python3", "/usr/bin/flask", "--app", "hello.py:app", "run"}},
      {"shop", kPython, {"python3", "/usr/bin/flask", "run"}, "/srv/shop"},
      {"board", kPython, {"python3", "/usr/bin/streamlit", "run", "board.py"}},
      {"api", kPython, {"python3", "/usr/bin/fastapi", "run", "--port", "80", "api.py"}},
      {"app", kPython, {"python3", "/usr/bin/opentelemetry-instrument", "python", "app.py"}},
      {"orders", kPython, {"python3", "/usr/bin/ddtrace-run", "gunicorn", "orders:app"}},
      {"app", kPython, {"python3", "-m", "debugpy", "--listen", "0.0.0.0:5678", "app.py"}},
      {"app", kPython, {"python3", "-m", "coverage", "run", "app.py"}},
      {"orders", kPython, {"gunicorn: master [orders:app]"}},
      {"supervisord", kPython, {"python3", "/usr/bin/supervisord", "-n"}},
      {"app", "/root/.pyenv/versions/3.11.7/bin/python3.11", {"python3.11", "app.py"}},
      {"app", "/usr/bin/python3.11 (deleted)", {"python3.11", "app.py"}},
      {"app", "/opt/pypy/bin/pypy3", {"pypy3", "app.py"}},
      {"orders", "/usr/bin/uwsgi", {"uwsgi", "--http", ":80", "--module", "orders.wsgi:application"}},
      {"orders", "/usr/bin/uwsgi", {"uwsgi", "--ini", "/etc/uwsgi/orders.ini"}},
  });
}

TEST(Naming, Java) {
  check({
      {"orders", kJava, {"java", "-jar", "orders-1.2.jar"}},
      {"orders", kJava, {"java", "-Xmx1g", "-Dx=y", "-jar", "/opt/orders-1.2.3-SNAPSHOT.jar", "--server.port=80"}},
      {"orders-api", kJava, {"java", "-jar", "orders-api-v2.jar"}},
      {"orders", kJava, {"java", "-jar", "orders.war"}},
      {"orders", kJava, {"java", "-jar", "orders-all.jar"}},
      {"orders", kJava, {"java", "-jar", "app.jar"}, "/srv/orders"},
      {"app", kJava, {"java", "-jar", "/app.jar"}, "/"},
      {"app", kJava, {"java", "-jar", "app.jar"}, "/app"},
      {"wildfly", kJava, {"java", "-jar", "/opt/wildfly/jboss-modules.jar", "-mp", "modules"}},
      {"orders", kJava, {"java", "-jar", "/srv/orders/quarkus-app/quarkus-run.jar"}},
      {"OrderService", kJava, {"java", "-cp", "a.jar:b.jar", "com.acme.OrderService", "Main"}},
      {"orders", kJava, {"java", "-classpath", "/x", "com.acme.orders.Main"}},
      {"acme", kJava, {"java", "com.acme.Main"}},
      {"Main", kJava, {"java", "Main"}},
      {"Main", kJava, {"java", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "Main"}},
      {"Orders", kJava, {"java", "-p", "mods", "-m", "com.acme/com.acme.Orders"}},
      {"Orders", kJava, {"java", "--module=com.acme/com.acme.Orders"}},
      {"Server", kJava, {"java", "Server.java"}},
      {"tomcat", kJava, {"java", "-cp", "x", "org.apache.catalina.startup.Bootstrap", "start"}},
      {"kafka", kJava, {"java", "-Xmx1G", "kafka.Kafka", "server.properties"}},
      {"orders", kJava, {"java", "org.springframework.boot.loader.launch.JarLauncher"}, "/srv/orders"},
      {"given", kJava, {"java", "-Dotel.service.name=given", "-jar", "orders.jar"}},
      {"spring", kJava, {"java", "-jar", "orders.jar", "--spring.application.name=spring"}},
      {"java", kJava, {"java", "@args"}},
      {"java", kJava, {"java", "-jar"}},
      {"java", kJava, {"java", "-version"}},
  });
}

TEST(Naming, Others) {
  check({
      {"server", kNode, {"node", "server.js"}},
      {"server", kNode, {"node", "--max-old-space-size=512", "-r", "dotenv/config", "/srv/x/server.mjs"}},
      {"orders", kNode, {"node", "/srv/orders/index.js"}},
      {"orders", kNode, {"node", "index.js"}, "/srv/orders"},
      {"orders", kNode, {"node", "dist/main.js"}, "/srv/orders"},
      {"orders", kNode, {"node", "."}, "/srv/orders"},
      {"orders", kNode, {"node", "../index.js"}, "/srv/orders/test"},
      {"app", kNode, {"node", "/usr/src/app/index.js"}},
      {"index", kNode, {"node", "index.js"}},
      {"node", kNode, {"node", "-e", "require('http')"}},
      {"node", kNode, {"node"}},
      {"shop", kNode, {"node", "node_modules/.bin/next", "start"}, "/srv/shop"},
      {"shop", kNode, {"node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "start"}, "/srv/shop"},
      {"shop", kNode, {"npm start"}, "/srv/shop"},
      {"shop", kNode, {"next-server (v14.1.0)"}, "/srv/shop"},
      {"api", kNode, {"node", "/srv/node_modules/.bin/ts-node", "--files", "api.ts"}},
      {"api", kNode, {"node", "/srv/node_modules/tsx/dist/cli.mjs", "watch", "api.ts"}},
      {"app", "/usr/bin/ruby3.1", {"ruby", "-I", "lib", "app.rb"}},
      {"shop", "/usr/bin/ruby3.1", {"ruby", "bin/rails", "server"}, "/srv/shop"},
      {"shop", "/usr/bin/ruby3.1", {"puma 6.4.2 (tcp://0.0.0.0:3000) [shop]"}},
      {"shop", "/usr/bin/ruby3.1", {"puma: cluster worker 0: 17 [shop]"}},
      {"shop", "/usr/bin/ruby3.1", {"sidekiq 7.1.2 shop [0 of 5 busy]"}},
      {"app", "/usr/bin/ruby3.1", {"ruby", "/usr/bin/bundle", "exec", "ruby", "app.rb"}},
      {"ruby", "/usr/bin/ruby3.1", {"ruby", "-e", "sleep"}},
      {"shop", "/usr/bin/php8.2", {"php", "artisan", "serve"}, "/srv/shop"},
      {"worker", "/usr/bin/php8.2", {"php", "-d", "memory_limit=1G", "worker.php"}},
      {"shop", "/usr/bin/php8.2", {"php", "-S", "0.0.0.0:80", "-t", "public"}, "/srv/shop"},
      {"php", "/usr/bin/php8.2", {"php", "-r", "echo 1;"}},
      {"php-fpm", "/usr/sbin/php-fpm8.2", {"php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)"}},
      {"php-fpm", "/usr/sbin/php-fpm8.2", {"php-fpm: pool www"}},
      {"shop", "/usr/sbin/php-fpm8.2", {"php-fpm: pool shop"}},
      {"Orders.Api", "/usr/share/dotnet/dotnet", {"dotnet", "/app/Orders.Api.dll", "--urls", "x"}},
      {"Orders", "/usr/share/dotnet/dotnet", {"dotnet", "exec", "--depsfile", "x", "Orders.dll"}},
      {"Orders", "/usr/share/dotnet/dotnet", {"dotnet", "run", "--project", "src/Orders/Orders.csproj"}},
      {"dotnet", "/usr/share/dotnet/dotnet", {"dotnet", "build"}},
      {"Orders.Api", "/app/Orders.Api", {"/app/Orders.Api"}},
      {"nginx", "/usr/sbin/nginx", {"nginx: worker process"}},
      {"nginx", "", {"nginx: master process /usr/sbin/nginx -g daemon off;"}},
      {"postgres", "/usr/lib/postgresql/15/bin/postgres", {"postgres: checkpointer "}},
      {"redis-server", "/usr/bin/redis-server", {"redis-server *:6379"}},
      {"backup", "/usr/bin/bash", {"bash", "-e", "/opt/backup.sh"}},
      {"bash", "/usr/bin/bash", {"-bash"}},
      {"bash", "/usr/bin/bash", {"bash", "-ec", "exec x"}},
      {"httpd", "/bin/busybox", {"httpd", "-f"}},
      {"mail", "/usr/bin/perl", {"perl", "-T", "mail.pl"}},
      {"main", "/usr/bin/deno", {"deno", "run", "--allow-net", "main.ts"}},
      {"server", "/lib64/ld-linux-x86-64.so.2", {"/lib64/ld-linux-x86-64.so.2", "--library-path", "/x", "/opt/server"}},
      {"nodejs-exporter", "/usr/bin/nodejs-exporter", {"nodejs-exporter"}},
      {"pythonista", "/opt/pythonista", {"pythonista", "app.py"}},
      {"worker", "", {}, "", "worker"},
      {"unknown_service", "", {}},
      {"unknown_service", "", {""}},
      {"unknown_service", "/", {" "}},
      {"a b", "", {"a\nb"}, "", ""},
      {"x\xef\xbf\xbd", "/bin/x\xff", {}},
  });
}

TEST(NamingBounds, NeverLongerThanTheLimitAndNeverCutInsideACharacter) {
  std::string exe = "/bin/";
  for (int i = 0; i < 200; ++i) exe += "é";
  const std::string name = derive_service_name({exe, {}, "", ""});
  EXPECT_EQ(name.size(), 254u);
}

TEST(NamingBounds, LaunchersWithinLaunchersEnd) {
  std::vector<std::string> args = {"python3", "/usr/bin/opentelemetry-instrument"};
  for (int i = 0; i < 10000; ++i) args.push_back("opentelemetry-instrument");
  EXPECT_EQ(derive_service_name({kPython, args, "", ""}), "opentelemetry-instrument");
}

TEST(NamingBounds, AClassPathOfAHundredKilobytesIsNoName) {
  const std::vector<std::string> args = {"java", "-cp", std::string(100'000, 'x'), "com.acme.Orders"};
  EXPECT_EQ(derive_service_name({kJava, args, "", ""}), "Orders");
}

}  // namespace
}  // namespace telegen
