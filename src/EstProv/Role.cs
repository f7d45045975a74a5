namespace EstProv;

/// <summary>Which of its roles the executable plays.</summary>
internal static class Role
{
    private const string Prefix = "estprov-";

    public static (string Role, string[] Arguments) Of(string calledAs, string[] arguments)
    {
        if (calledAs.StartsWith(Prefix, StringComparison.Ordinal) && IsDaemon(calledAs[Prefix.Length..])) return (calledAs[Prefix.Length..], arguments);
        if (arguments.Length > 0 && IsDaemon(arguments[0])) return (arguments[0], arguments[1..]);
        return ("", arguments);
    }

    private static bool IsDaemon(string name) => name is "keyd" or "certd" or "identityd";
}
