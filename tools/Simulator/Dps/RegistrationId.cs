namespace EstProv.Simulator.Dps;

/// <summary>Registration ids: up to 128 characters, case-insensitive; letters, digits, and <c>- . _ :</c>, of which none at the ends.</summary>
internal static class RegistrationId
{
    public static bool IsValid(string id)
    {
        if (id.Length is 0 or > 128 || !char.IsAsciiLetterOrDigit(id[0]) || !char.IsAsciiLetterOrDigit(id[^1]))
        {
            return false;
        }

        foreach (var c in id)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or ':'))
            {
                return false;
            }
        }

        return true;
    }

    public static bool AreSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
