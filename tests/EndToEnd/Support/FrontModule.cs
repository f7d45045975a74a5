using System.Globalization;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>The PKCS#11 module as it ships, and other people's programs that use it.</summary>
internal sealed class FrontModule(Device device)
{
    public static string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(Stage.Root, "usr/lib/pkcs11/libestprov-pkcs11.so"));

    private Dictionary<string, string> Environment { get; } = new() { ["ESTPROV_SOCKET_FOLDER"] = device.RuntimeDir, ["ESTPROV_PKCS11_VERBOSE"] = "1" };

    /// <summary>OpenSC's.</summary>
    public string Pkcs11Tool(params string[] arguments) => Tool.Run("pkcs11-tool", ["--module", Path, .. arguments], Environment);

    /// <summary>GnuTLS'.</summary>
    public string P11tool(params string[] arguments) => Tool.Run("p11tool", ["--provider", Path, .. arguments], Environment);

    /// <summary>One HTTP request through gnutls-cli with the key and certificate of an id; what came back.</summary>
    public string Request(string id, string authority, int port, string request)
    {
        var url = $"pkcs11:token=EstProv;id={id}";
        File.WriteAllText(device.At("request"), request.ReplaceLineEndings("\r\n"));
        return Tool.Run("sh",
            [
                "-c", "request=$1; shift; exec gnutls-cli \"$@\" < \"$request\"", "sh", device.At("request"), "--provider", Path, "--x509certfile", url + ";type=cert",
                "--x509keyfile", url + ";type=private", "--x509cafile", authority, "--port", port.ToString(CultureInfo.InvariantCulture), "localhost",
            ], Environment);
    }

    /// <summary>The keys in OpenSSH's form, a line each.</summary>
    public string[] SshKeys() => Tool.Run("ssh-keygen", ["-D", Path], Environment).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>ssh-agent signs a file with the token's key, and ssh-keygen verifies that; what it says.</summary>
    public string SignByAgent(string key, string file)
    {
        const string Script = """
            ssh-add -s "$1" > /dev/null 2>&1
            ssh-keygen -Y sign -U -f "$2" -n test "$3" 2> /dev/null
            ssh-keygen -Y verify -f "$4" -I device -n test -s "$3.sig" < "$3"
            """;
        File.WriteAllText(device.At("agent.pub"), key + "\n");
        File.WriteAllText(device.At("signers"), $"device {key}\n");
        // ssh-add asks for a PIN: an empty one.
        var environment = new Dictionary<string, string>(Environment) { ["SSH_ASKPASS"] = "/bin/true", ["SSH_ASKPASS_REQUIRE"] = "force" };
        return Tool.Run("ssh-agent", ["-P", Path, "sh", "-ec", Script, "sh", Path, device.At("agent.pub"), file, device.At("signers")], environment);
    }

    /// <summary>A command on the other end of an SSH connection that the token's key opens.</summary>
    public string Ssh(int port, string command) => Tool.Run("ssh",
        [
            "-F", "none", "-I", Path, "-p", port.ToString(CultureInfo.InvariantCulture), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=no", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "PreferredAuthentications=publickey", "127.0.0.1", command,
        ], Environment);

    /// <summary>An OpenSSH server on a free port of loopback, for this user and these keys.</summary>
    public ObservedProcess StartSshd(IEnumerable<string> keys, out int port)
    {
        using (var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
        }

        // Where root runs it, it insists on this folder.
        if (Device.UserId == "0") Directory.CreateDirectory("/run/sshd");
        Tool.Run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", device.At("host-key")]);
        File.WriteAllLines(device.At("authorized"), keys);
        File.WriteAllText(device.At("sshd_config"), $"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {device.At("host-key")}
            AuthorizedKeysFile {device.At("authorized")}
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no

            """);
        var server = new ObservedProcess("/usr/sbin/sshd", ["-D", "-e", "-f", device.At("sshd_config")], new Dictionary<string, string>());
        server.WaitForLine("listening on 127.0.0.1", TimeSpan.FromSeconds(20));
        return server;
    }
}
