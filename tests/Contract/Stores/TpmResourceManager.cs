using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace EstProv.Contract.Tests.Stores;

/// <summary>
/// What the kernel's /dev/tpmrm0 is on a device: several programs have one TPM, and what a connection left in it is flushed when it is closed.
/// As there, three objects at a time fit; they are not swapped, though, so that the programs share these three. Spoken is the protocol of Microsoft's
/// simulator (TSS's TCTI "mssim"), which keeps a connection for as long as a program has the TPM open; that of swtpm makes one for every command.
/// </summary>
internal sealed class TpmResourceManager : IDisposable
{
    private const int HeaderLength = 10; // tag, size, code (TPM 2.0 part 1, section 18)
    private const uint TransientObjects = 0x80000000, LoadedSessions = 0x02000000;

    private readonly Lock _gate = new();
    private readonly TcpListener _listener;
    private readonly TcpListener _platform;
    private readonly List<Socket> _clients = [];
    private readonly int _tpmPort;
    private Socket? _tpm;

    /// <param name="port">Where programs connect; the next one is for the platform's switches.</param>
    /// <param name="tpmPort">Where swtpm listens for its one client.</param>
    public TpmResourceManager(int port, int tpmPort)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _platform = new TcpListener(IPAddress.Loopback, port + 1);
        _tpmPort = tpmPort;
        _listener.Start();
        _platform.Start();
        Run(() => Accept(_listener, Serve));
        Run(() => Accept(_platform, Agree));
    }

    public void Dispose()
    {
        _listener.Dispose();
        _platform.Dispose();
        lock (_gate)
        {
            foreach (var client in _clients) client.Dispose();
            _tpm?.Dispose();
        }
    }

    private static void Run(Action action) => new Thread(() => Quietly(action)) { IsBackground = true }.Start();

    // Programs and the TPM are killed at any moment.
    private static void Quietly(Action action)
    {
        try
        {
            action();
        }
        catch (Exception end) when (end is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            return;
        }
    }

    private static void Accept(TcpListener listener, Action<Socket> serve)
    {
        while (true)
        {
            var client = listener.AcceptSocket();
            client.NoDelay = true;
            Run(() =>
            {
                using (client) serve(client);
            });
        }
    }

    // Power on, power off …
    private static void Agree(Socket client)
    {
        var word = new byte[4];
        while (true)
        {
            Fill(client, word);
            client.Send(new byte[word.Length]);
        }
    }

    private void Serve(Socket client)
    {
        const uint SendCommand = 8; // then the locality, and the length of the command that follows
        lock (_gate) _clients.Add(client);
        try
        {
            while (true)
            {
                var word = new byte[4];
                AcknowledgeAtOnce(client);
                Fill(client, word);
                if (BinaryPrimitives.ReadUInt32BigEndian(word) != SendCommand) return;
                Fill(client, new byte[1 + 4]);
                var command = Receive(client);
                byte[] response;
                lock (_gate) response = Exchange(command);
                BinaryPrimitives.WriteInt32BigEndian(word, response.Length);
                client.Send([.. word, .. response, 0, 0, 0, 0]);
            }
        }
        finally
        {
            lock (_gate)
            {
                _clients.Remove(client);
                if (_clients.Count == 0) Quietly(Flush);
            }
        }
    }

    // A program sends a command in two parts, and the second one waits for this: 40 ms each time. The kernel forgets it again and again.
    private static void AcknowledgeAtOnce(Socket client)
    {
        const int Tcp = 6, QuickAck = 12;
        client.SetRawSocketOption(Tcp, QuickAck, [1, 0, 0, 0]);
    }

    private byte[] Exchange(byte[] command)
    {
        try
        {
            _tpm ??= Connect();
            _tpm.Send(command);
            return Receive(_tpm);
        }
        catch
        {
            _tpm?.Dispose();
            _tpm = null;
            throw;
        }
    }

    private Socket Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, _tpmPort);
        return socket;
    }

    private void Flush()
    {
        foreach (var first in (ReadOnlySpan<uint>)[TransientObjects, LoadedSessions])
        {
            const uint GetCapability = 0x17A, Handles = 1, Most = 32, FlushContext = 0x165;
            const int List = HeaderLength + 9; // behind moreData, the capability and the count
            var answer = Exchange(Command(GetCapability, Handles, first, Most));
            for (var at = List; at + 4 <= answer.Length; at += 4) Exchange(Command(FlushContext, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(at))));
        }
    }

    private static byte[] Command(uint code, params ReadOnlySpan<uint> parameters)
    {
        const ushort NoSessions = 0x8001;
        var command = new byte[HeaderLength + 4 * parameters.Length];
        BinaryPrimitives.WriteUInt16BigEndian(command, NoSessions);
        BinaryPrimitives.WriteInt32BigEndian(command.AsSpan(2), command.Length);
        BinaryPrimitives.WriteUInt32BigEndian(command.AsSpan(6), code);
        for (var i = 0; i < parameters.Length; i++) BinaryPrimitives.WriteUInt32BigEndian(command.AsSpan(HeaderLength + 4 * i), parameters[i]);
        return command;
    }

    private static byte[] Receive(Socket from)
    {
        var header = new byte[HeaderLength];
        Fill(from, header);
        var message = new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(2))];
        header.CopyTo(message, 0);
        Fill(from, message.AsSpan(HeaderLength));
        return message;
    }

    private static void Fill(Socket from, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var read = from.Receive(buffer);
            if (read == 0) throw new EndOfStreamException();
            buffer = buffer[read..];
        }
    }
}
