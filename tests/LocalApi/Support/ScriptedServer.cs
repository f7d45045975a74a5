using System.Net.Sockets;
using System.Text;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>A server that answers each connection's requests with given bytes, whatever they are, and closes after the last.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("estprov-local-api");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private int _connections;

    /// <param name="connections">For each connection that comes, the answers to its requests; null keeps silent.</param>
    public ScriptedServer(params string?[][] connections)
        : this("keyd", connections)
    {
    }

    /// <param name="daemon">Whose socket it is.</param>
    /// <param name="connections">As above.</param>
    public ScriptedServer(string daemon, string?[][] connections)
    {
        SocketPath = Path.Combine(_folder.FullName, daemon + ".sock");
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen();
        new Thread(() => Serve(connections)) { IsBackground = true }.Start();
    }

    public string SocketPath { get; }

    public int Connections => Volatile.Read(ref _connections);

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Delete(recursive: true);
    }

    private void Serve(string?[][] connections)
    {
        var silent = new List<Socket>();
        try
        {
            foreach (var answers in connections)
            {
                var socket = _listener.Accept();
                Interlocked.Increment(ref _connections);
                var keep = false;
                foreach (var answer in answers)
                {
                    if (socket.Receive(new byte[65536]) == 0) break;
                    if (answer is not null) socket.Send(Encoding.Latin1.GetBytes(answer));
                    keep |= answer is null;
                }

                if (keep) silent.Add(socket);
                else socket.Dispose();
            }
        }
        catch (SocketException)
        {
            // The test is over.
            return;
        }
    }
}
