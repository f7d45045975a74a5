using EstProv.Platform.Time;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>The attempts of one request to use a token: how many it has made, and how long it may still wait. Costs nothing as long as all goes well.</summary>
internal struct TokenAttempts(TokenLink link)
{
    // A request has 5 s, and the answer that the token is away has to be in time as well.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private const int Most = 3;

    private int _failures;
    private int _losses;
    private long _begun;

    /// <summary>How long it may still wait.</summary>
    public readonly TimeSpan Left
    {
        get
        {
            var left = Longest - link.Connection.Time.GetElapsedTime(_begun);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>The token for the next attempt.</summary>
    public Pkcs11Token Connect() => link.Connect(ref this);

    public void Begin()
    {
        if (_begun == 0) _begun = link.Connection.Time.GetTimestamp();
    }

    /// <summary>After an attempt that <paramref name="token"/> answered with <paramref name="result"/>: whether another one may help.</summary>
    public bool MayGoOn(Pkcs11Token token, CKR result)
    {
        Begin();
        if (!Pkcs11Problem.IsLoss(result))
        {
            return Pkcs11Problem.MayPass(result) && ++_failures < Most;
        }

        // Lost by somebody else, or away: that says nothing of this request.
        var counts = !token.IsAbandoned && !Pkcs11Problem.IsAbsence(result);
        link.Connection.Lost(token, result);
        if (counts) _failures++;
        if (_failures >= Most || Left < Pause) return false;
        // A token that can be opened at once and is lost at once is not worn out.
        if (_losses++ > 0) Waiting.For(Pause, link.Connection.Time);
        return true;
    }
}
