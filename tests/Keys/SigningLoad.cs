using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>Clients that sign as fast as they are answered, each with a connection and a deadline of its own.</summary>
internal sealed class SigningLoad : IDisposable
{
    private readonly object _gate = new();
    private readonly List<Thread> _threads = [];
    private readonly List<string> _failures = [];
    private int _count;
    private volatile bool _stopped;

    public SigningLoad(string socket, KeyReference key, int clients, TimeSpan deadline)
    {
        for (var i = 0; i < clients; i++)
        {
            var thread = new Thread(() => Run(socket, key, deadline));
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Signatures that verified, so far.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _count;
        }
    }

    public IReadOnlyList<string> Failures
    {
        get
        {
            lock (_gate) return [.. _failures];
        }
    }

    public void WaitForSignatures(int count)
    {
        var until = Environment.TickCount64 + 30_000;
        lock (_gate)
        {
            while (_count < count)
            {
                var left = until - Environment.TickCount64;
                if (left <= 0) throw new TimeoutException($"{_count} signatures instead of {count}: {string.Join('\n', _failures)}");
                Monitor.Wait(_gate, (int)left);
            }
        }
    }

    /// <summary>Lets the load go on against a fault for a while.</summary>
    public void WaitForRefusalsToSettle(TimeSpan time)
    {
        var until = Environment.TickCount64 + (long)time.TotalMilliseconds;
        lock (_gate)
        {
            while (until - Environment.TickCount64 is var left and > 0) Monitor.Wait(_gate, (int)left);
        }
    }

    public void Stop()
    {
        _stopped = true;
        foreach (var thread in _threads) thread.Join();
        _threads.Clear();
    }

    public void Dispose() => Stop();

    private void Run(string socket, KeyReference key, TimeSpan deadline)
    {
        using var http = new LocalClient(socket, "estprov-keyd", "Key Service", deadline);
        var client = new KeyClient(http);
        using var ec = ECDsa.Create();
        ec.ImportSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _);
        for (var i = 0; !_stopped; i++)
        {
            var digest = SHA256.HashData(BitConverter.GetBytes(i));
            string? failure = null;
            try
            {
                var signature = client.SignDigest(key.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, digest);
                if (!ec.VerifyHash(digest, signature, DSASignatureFormat.Rfc3279DerSequence)) failure = "a signature does not verify";
            }
            catch (ProblemException problem)
            {
                failure = problem.ToLogText();
            }

            lock (_gate)
            {
                if (failure is null) _count++;
                else _failures.Add(failure);
                Monitor.PulseAll(_gate);
            }
        }
    }
}
