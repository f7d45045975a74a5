using System.Net.Sockets;
using System.Runtime.InteropServices;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.LocalApi.Tests.Server;

public sealed partial class SocketTests
{
    private const UnixFileMode Mode0660 = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private DirectoryInfo _folder = null!;

    private string Socket => Path.Combine(_folder.FullName, "keyd.sock");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("estprov-local-api");

    [TearDown]
    public void RemoveFolder() => _folder.Delete(recursive: true);

    [Test]
    public void The_socket_is_for_its_user_and_group_only_and_goes_with_the_server()
    {
        using var server = Make();
        server.Start();
        Assert.That(File.GetUnixFileMode(Socket), Is.EqualTo(Mode0660));
        server.Stop();
        Assert.That(File.Exists(Socket), Is.False);
    }

    [Test]
    public void A_socket_that_a_crash_left_is_replaced()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            Bind(dead);
            // Out of reach of the framework, which would remove it.
            File.Move(Socket, Socket + ".kept");
        }

        File.Move(Socket + ".kept", Socket);
        using var server = Make();
        server.Start();
        Assert.That(Answers());
    }

    [Test]
    public void A_socket_that_is_served_is_left_alone()
    {
        using var first = Make();
        first.Start();
        using var second = Make();
        var problem = Assert.Throws<ProblemException>(second.Start);
        second.Stop();
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("socket_in_use"));
            Message.Shown("socket_in_use", problem, Folder);
            Assert.That(Answers(), "the first one still serves");
        });
    }

    [Test]
    public void A_file_that_is_no_socket_is_left_alone()
    {
        File.WriteAllText(Socket, "precious");
        using var server = Make();
        var problem = Assert.Throws<ProblemException>(server.Start);
        Assert.Multiple(() =>
        {
            Assert.That(problem.Code, Is.EqualTo("socket_bind"));
            Message.Shown("socket_bind-taken", problem, Folder);
            Assert.That(File.ReadAllText(Socket), Is.EqualTo("precious"));
        });
    }

    [Test]
    public void A_socket_that_somebody_else_put_in_its_place_is_left_at_the_stop()
    {
        using var server = Make();
        server.Start();
        File.Delete(Socket);
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Bind(other);
        server.Stop();
        Assert.That(File.Exists(Socket));
    }

    [Test]
    public void A_missing_folder_and_a_long_path_are_named()
    {
        using var homeless = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(_folder.FullName, "none", "x.sock") }, NullLogger.Instance, TimeProvider.System);
        using var @long = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(_folder.FullName, new string('x', 100)) }, NullLogger.Instance, TimeProvider.System);
        Assert.Multiple(() =>
        {
            Message.Shown("socket_bind", Assert.Throws<ProblemException>(homeless.Start)!, Folder);
            Message.Shown("socket_path", Assert.Throws<ProblemException>(@long.Start)!, Folder);
        });
    }

    [Test]
    public void A_folder_that_the_daemon_may_not_write_to_is_named()
    {
        using var server = Make();
        Message.Shown("socket_bind-permission", AsUid.Run(65_001, () => Assert.Throws<ProblemException>(server.Start)!), Folder);
    }

    [Test]
    public void A_socket_that_cannot_be_given_to_its_group_is_told_and_served()
    {
        var group = File.ReadLines("/etc/group").First(static line => line.Split(':')[2] != "0").Split(':')[0];
        OpenFolder();
        var logger = new CapturingLogger();
        using var server = new LocalServer(new LocalServerOptions { SocketPath = Socket, Group = group }, logger, TimeProvider.System);
        server.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("plain"u8, "text/plain"));
        AsUid.Run(65_001, () =>
        {
            server.Start();
            return true;
        });
        Assert.That(Answers());
        Told.Shown("socket_group", logger.Lines.Single(), Folder, ($"group {group}", "group estprov"));
    }

    [Test]
    [NonParallelizable]
    public void Without_a_thread_to_be_had_the_start_fails_in_words()
    {
        OpenFolder();
        using var server = Make();
        ProblemException? problem = null;
        Scarcity.OfThreads(() => problem = Assert.Throws<ProblemException>(server.Start));
        Message.Shown("no_thread", problem!, Folder);
    }

    [Test]
    [NonParallelizable]
    public void Without_a_descriptor_to_be_had_the_start_fails_in_words_and_a_server_that_runs_waits_for_one()
    {
        var logger = new CapturingLogger();
        using var server = Make([], logger);
        server.Start();
        Assert.That(Answers());
        Eventually.Is(() => server.Connections.Count == 0, "nothing idle could be closed for a descriptor");
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        ProblemException? problem = null;
        Scarcity.OfDescriptors(() =>
        {
            problem = Assert.Throws<ProblemException>(() => Make());
            client.Connect(new UnixDomainSocketEndPoint(Socket));
            Eventually.Is(() => !logger.Lines.IsEmpty, "it is logged");
        });
        Message.Shown("too_many_files", problem!, Folder);
        Told.Shown("too_many_files-accept", logger.Lines.First(), Folder);
        client.ReceiveTimeout = 20_000;
        client.Send(System.Text.Encoding.ASCII.GetBytes(RawClient.Get("/plain")));
        Assert.That(client.Receive(new byte[1024]), Is.Positive, "it is served once there is one");
    }

    [Test]
    public void Inherited_sockets_are_served_and_their_files_stay()
    {
        using var inherited = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Bind(inherited);
        inherited.Listen(5);
        using var server = new LocalServer(new LocalServerOptions { SocketPath = "/unused", Descriptors = [Duplicate((int)inherited.SafeHandle.DangerousGetHandle())] }, NullLogger.Instance, TimeProvider.System);
        server.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("plain"u8, "text/plain"));
        server.Start();
        Assert.That(Answers());
        server.Stop();
        Assert.That(File.Exists(Socket));
    }

    [Test]
    [Description("a device that starts slowly: what others gave up on while the daemon started took the place of what they asked anew")]
    public void Requests_that_were_given_up_in_the_queue_are_not_carried_out()
    {
        const int GivenUp = 40;
        using var inherited = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Bind(inherited);
        inherited.Listen(GivenUp + 1);
        for (var i = 0; i < GivenUp; i++)
        {
            using var impatient = new RawClient(Socket);
            impatient.Send(RawClient.Get("/slow"));
        }

        using var patient = new RawClient(Socket);
        patient.Send(RawClient.Get("/slow"));
        using var server = new LocalServer(
            new LocalServerOptions { SocketPath = "/unused", Descriptors = [Duplicate((int)inherited.SafeHandle.DangerousGetHandle())], MaxRequestsPerUid = 1 }, NullLogger.Instance, TimeProvider.System);
        var carriedOut = 0;
        server.Map("GET", "/slow", [TestServer.Version], (_, response) => response.Bytes(Interlocked.Increment(ref carriedOut) == 1 ? "first"u8 : "later"u8, "text/plain"));

        server.Start();

        Assert.Multiple(() =>
        {
            Assert.That(patient.Read().Body, Is.EqualTo("first"));
            Assert.That(Volatile.Read(ref carriedOut), Is.EqualTo(1));
        });
    }

    [Test]
    public void Aliases_serve_the_same_under_the_same_mode_and_go_with_the_server()
    {
        string[] aliases = [Path.Combine(_folder.FullName, "a.sock"), Path.Combine(_folder.FullName, "b.sock"), Socket];
        using var server = Make(aliases);
        server.Start();
        Assert.Multiple(() =>
        {
            Assert.That(Answers());
            Assert.That(Answers(aliases[0]));
            Assert.That(Answers(aliases[1]));
            Assert.That(File.GetUnixFileMode(aliases[1]), Is.EqualTo(Mode0660));
        });
        server.Stop();
        Assert.That(Directory.GetFileSystemEntries(_folder.FullName), Is.Empty);
    }

    [Test]
    public void An_alias_that_cannot_be_bound_is_logged_and_the_rest_is_served()
    {
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var taken = Path.Combine(_folder.FullName, "taken.sock");
        other.Bind(new UnixDomainSocketEndPoint(taken));
        other.Listen(5);
        var logger = new CapturingLogger();
        var good = Path.Combine(_folder.FullName, "good.sock");
        using var server = Make([Path.Combine(_folder.FullName, "none", "x.sock"), taken, good], logger);
        server.Start();
        Assert.Multiple(() =>
        {
            Assert.That(Answers());
            Assert.That(Answers(good));
            Assert.That(logger.Lines, Has.Exactly(1).Contains("its folder does not exist").And.Exactly(1).Contains($"another daemon is already serving {taken}"));
        });
        server.Stop();
        Assert.That(File.Exists(taken), "what is another's stays");
    }

    [Test]
    public void An_alias_that_was_inherited_is_not_bound_again()
    {
        using var inherited = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Bind(inherited);
        inherited.Listen(5);
        var logger = new CapturingLogger();
        var alias = Path.Combine(_folder.FullName, "alias.sock");
        using var server = new LocalServer(
            new LocalServerOptions { SocketPath = "/unused", Descriptors = [Duplicate((int)inherited.SafeHandle.DangerousGetHandle())], AliasPaths = [Socket, alias] }, logger, TimeProvider.System);
        server.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("plain"u8, "text/plain"));
        server.Start();
        Assert.Multiple(() =>
        {
            Assert.That(Answers());
            Assert.That(Answers(alias), "beside what was inherited");
            Assert.That(logger.Lines, Is.Empty);
        });
    }

    private (string, string) Folder => (_folder.FullName, "/run/estprov");

    /// <summary>Whoever the daemon runs as may make its socket there.</summary>
    private void OpenFolder() => File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0x1FF);

    private LocalServer Make() => Make([], NullLogger.Instance);

    private LocalServer Make(string[] aliases, ILogger? logger = null)
    {
        var server = new LocalServer(new LocalServerOptions { SocketPath = Socket, AliasPaths = aliases }, logger ?? NullLogger.Instance, TimeProvider.System);
        server.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("plain"u8, "text/plain"));
        return server;
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    private void Bind(Socket socket) => socket.Bind(new UnixDomainSocketEndPoint(Socket));

    private bool Answers() => Answers(Socket);

    private static bool Answers(string path)
    {
        using var client = new RawClient(path);
        return client.Ask(RawClient.Get("/plain")).Status == 200;
    }
}
