using System.Globalization;
using System.Net.Sockets;
using System.Text;
using EstProv.LocalApi.Server;

namespace EstProv.LocalApi.Tests.Systemd;

public sealed class SystemdTests
{
    private static readonly string Own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    [Test]
    public void Notifications_reach_a_socket_file_and_an_abstract_name()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-notify");
        foreach (var (name, address) in new[] { (folder.FullName + "/n", folder.FullName + "/n"), ($"@estprov-{Own}", $"\0estprov-{Own}") })
        {
            using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            systemd.Bind(new UnixDomainSocketEndPoint(address));
            var notify = new SystemdNotify(name, null, null);
            notify.Ready("serving\nkeys");
            notify.Status("token is away");
            notify.KeepAlive();
            notify.Stopping();
            var received = Enumerable.Range(0, 4).Select(_ => Receive(systemd)).ToArray();
            Assert.That(received, Is.EqualTo(new[] { "READY=1\nSTATUS=serving keys", "STATUS=token is away", "WATCHDOG=1", "STOPPING=1" }));
        }

        folder.Delete(recursive: true);
    }

    [Test]
    public void Without_systemd_nothing_happens()
    {
        var none = new SystemdNotify(null, "1000000", Own);
        var gone = new SystemdNotify("/nowhere/notify", "1000000", Own);
        Assert.Multiple(() =>
        {
            Assert.DoesNotThrow(() => none.Ready());
            Assert.DoesNotThrow(() => gone.Ready());
            Assert.That(none.WatchdogInterval, Is.Null);
            Assert.That(gone.WatchdogInterval, Is.EqualTo(TimeSpan.FromSeconds(0.5)));
            Assert.That(new SystemdNotify("/x", "1000000", "1").WatchdogInterval, Is.Null, "another process is watched");
        });
    }

    [Test]
    public void The_server_keeps_the_watchdog_quiet()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-notify");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(folder.FullName + "/n"));
        var options = new LocalServerOptions { SocketPath = folder.FullName + "/s", Watchdog = new SystemdNotify(folder.FullName + "/n", "40000", null) };
        using (var server = new LocalServer(options, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, TimeProvider.System))
        {
            server.Start();
            for (var i = 0; i < 5; i++) Assert.That(Receive(systemd), Is.EqualTo("WATCHDOG=1"));
        }

        folder.Delete(recursive: true);
    }

    [Test]
    public void Inherited_descriptors_are_taken_by_name_and_only_by_the_process_they_are_meant_for()
    {
        var folder = Directory.CreateTempSubdirectory("estprov-activation");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(folder.FullName + "/s"));
        listener.Listen();
        using var datagram = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var fd = (int)listener.SafeHandle.DangerousGetHandle();
        var other = (int)datagram.SafeHandle.DangerousGetHandle();
        Assert.Multiple(() =>
        {
            Assert.That(SocketActivation.Take(null, Own, "1", null, fd), Is.EqualTo(new[] { fd }));
            Assert.That(SocketActivation.Take("keyd", Own, "1", "keyd", fd), Is.EqualTo(new[] { fd }));
            Assert.That(SocketActivation.Take("keyd", Own, "1", "certd:keyd", fd), Is.Empty);
            Assert.That(SocketActivation.Take("keyd", Own, "1", null, fd), Is.Empty);
            Assert.That(SocketActivation.Take(null, "1", "1", null, fd), Is.Empty);
            Assert.That(SocketActivation.Take(null, null, "1", null, fd), Is.Empty);
            Assert.That(SocketActivation.Take(null, Own, "x", null, fd), Is.Empty);
            Assert.That(SocketActivation.Take(null, Own, "0", null, fd), Is.Empty);
            Assert.That(SocketActivation.Take(null, Own, "1", null, other), Is.Empty, "not a listener");
        });
        folder.Delete(recursive: true);
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
