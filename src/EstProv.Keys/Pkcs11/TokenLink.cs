using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>The way from a URI to the token as it is now: connects when it is needed, and again after a loss.</summary>
/// <remarks>A failed connection is not tried again for a second, so that clients who ask all the time do not wear out a token.</remarks>
internal sealed class TokenLink(Pkcs11Connection connection, Pkcs11Uri uri)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly object _gate = new(); // Monitor, for its wait with a time limit
    private volatile Pkcs11Token? _token;
    private volatile Failure? _failure;

    public Pkcs11Uri Uri => uri;

    /// <summary>The token, logged in to.</summary>
    /// <exception cref="ProblemException">The cause, at most a second old.</exception>
    public Pkcs11Token Connect()
    {
        var token = _token;
        if (token is { IsAbandoned: false }) return token;
        return Reconnect();
    }

    // One thread connects; the others have its token or its failure.
    private Pkcs11Token Reconnect()
    {
        if (!Monitor.TryEnter(_gate, LongestWait)) throw Pkcs11Connection.Busy(uri);
        try
        {
            if (_token is { IsAbandoned: false } token) return token;
            if (_failure is { } recent && !recent.IsOver(connection.Time)) throw recent.Again();
            return ConnectNow();
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    private Pkcs11Token ConnectNow()
    {
        try
        {
            var token = connection.Connect(uri);
            _token = token;
            _failure = null;
            return token;
        }
        catch (ProblemException problem)
        {
            _failure = new Failure(problem, connection.Time.GetTimestamp());
            throw;
        }
    }

    /// <summary>Does something with a session; once more on a new one when the first turns out to be lost.</summary>
    /// <param name="what">For messages, such as <c>signing with key 'device-id'</c>.</param>
    public T With<T>(string what, bool writing, SessionCall<T> call)
    {
        for (var attempt = 0; ; attempt++)
        {
            var token = Connect();
            var result = writing ? token.OpenWriting(out var session) : token.Rent(out session);
            var value = default(T);
            if (result == CKR.CKR_OK)
            {
                try
                {
                    result = call(token, session, out value);
                }
                finally
                {
                    if (writing) token.Close(session);
                    else token.Return(session, sound: result == CKR.CKR_OK);
                }
            }

            if (result == CKR.CKR_OK) return value!;
            if (Pkcs11Problem.IsLoss(result)) token.Abandon();
            if (!Pkcs11Problem.MayPass(result) || attempt > 0) throw Pkcs11Problem.Explain(result, what, token.Description);
        }
    }

    private sealed class Failure(ProblemException problem, long at)
    {
        private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

        public bool IsOver(TimeProvider time) => time.GetElapsedTime(at) >= Quiet;

        // An exception object is not thrown twice: two threads may hold it.
        public ProblemException Again() => new(problem.Code, problem.Message, problem.Hint, problem.Status, problem.InnerException);
    }
}

/// <summary>A few calls of the module; an unusual return value goes back instead of being thrown.</summary>
internal delegate CKR SessionCall<T>(Pkcs11Token token, Pkcs11Session session, out T value);
