"""The service behind lighttpd instead of nginx. orderd runs by itself, as orderd.conf.in says it does under systemd,
so that a test can stop and kill it as it likes."""

import re
import shutil
import signal

import harness


PROGRAM = shutil.which("lighttpd", path=harness.SBIN)


class Server(harness.Server):
    front = "lighttpd"
    front_signal = signal.SIGTERM

    def site(self):
        """orderd.conf as it is installed, without the lines that let lighttpd start orderd."""
        text = (harness.TOP / "lighttpd/orderd.conf.in").read_text()
        text = re.sub(r'(?m)^ *"(bin-path|max-procs|kill-signal)".*\n', "", text)
        text = re.sub(r'("socket" +=> )"[^"]*"', rf'\1"{self.path}/run/orderd.sock"', text)
        return text.replace("@pkgdatadir@", str(harness.BUILD))

    def front_command(self):
        (self.path / "lighttpd-site.conf").write_text(self.site())
        (self.path / "lighttpd.conf").write_text(f"""
server.document-root = "{self.path}/run"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.path}/log/lighttpd.log"
server.upload-dirs = ( "{self.path}/run" )
include "lighttpd-site.conf"
""")
        return [PROGRAM, "-D", "-f", self.path / "lighttpd.conf"]

    def stop(self, name, number=signal.SIGTERM):
        """lighttpd says 1 where a connection was just being closed."""
        if name == self.front:
            self.processes.pop(name).stop(number)
        else:
            super().stop(name, number)
