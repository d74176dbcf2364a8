using System.Text;

namespace EdgeSdk.Fuzz;

/// <summary>Makes inputs of others: the changes that AFL makes, and the target's own words.</summary>
internal sealed class Mutator(Random random, string[] words, int maxLength)
{
    private readonly byte[][] tokens = [.. words.Select(Encoding.UTF8.GetBytes)];

    /// <summary>An input like <paramref name="seed"/>, with one to eight changes, some of them parts of <paramref name="other"/>.</summary>
    public byte[] Mutate(byte[] seed, byte[] other)
    {
        var input = new List<byte>(seed);
        for (int changes = 1 << random.Next(4); changes > 0; changes--)
            Change(input, other);

        return [.. input.Take(maxLength)];
    }

    private void Change(List<byte> input, byte[] other)
    {
        int at = random.Next(input.Count + 1);
        switch (random.Next(9))
        {
            case 0 when at < input.Count:
                input[at] = (byte)random.Next(256);
                break;
            case 1 when at < input.Count:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                input.RemoveRange(at, Length(input.Count - at));
                break;
            case 3:
                input.InsertRange(at, input.GetRange(at, Length(input.Count - at)));
                break;
            case 4:
                int start = random.Next(other.Length + 1);
                input.InsertRange(at, other.AsSpan(start, Length(other.Length - start)));
                break;
            case 5:
                var token = tokens[random.Next(tokens.Length)];
                input.RemoveRange(at, Math.Min(token.Length, input.Count - at));
                input.InsertRange(at, token);
                break;
            case 6 when random.Next(16) == 0:
                Repeat(input, at);
                break;
            default:
                input.InsertRange(at, tokens[random.Next(tokens.Length)]);
                break;
        }
    }

    /// <summary>Short parts more often than long ones.</summary>
    private int Length(int most) => random.Next(Math.Min(most, 1 << random.Next(2, 9)) + 1);

    /// <summary>A word many times over: what nests or multiplies.</summary>
    private void Repeat(List<byte> input, int at)
    {
        var token = tokens[random.Next(tokens.Length)];
        int count = Math.Min(1 << random.Next(4, 15), maxLength / token.Length);
        input.InsertRange(at, Enumerable.Repeat(token, count).SelectMany(bytes => bytes).ToArray());
    }
}
