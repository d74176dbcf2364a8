using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Grammars of the kinds in use, in the notation that llama.cpp documents.</summary>
public class GbnfTests
{
    private const string Json = """
        root   ::= object
        value  ::= object | array | string | number | ("true" | "false" | "null") ws
        object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
        array  ::= "[" ws ( value
                     ("," ws value)* )? "]" ws
        string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
        number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
        ws     ::= | " " | "\n" [ \t]{0,20}   # at most one
        """;

    private const string Arithmetic = """
        root  ::= (expr "=" ws term "\n")+
        expr  ::= term ([-+*/] term)*
        term  ::= ident | num | "(" ws expr ")" ws
        ident ::= [a-z] [a-z0-9_]* ws
        num   ::= [0-9]+ ws
        ws    ::= [ \t\n]*
        """;

    private const string Chess = """
        root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n"){0,99}
        move    ::= (pawn | piece | castle) [+#]?
        piece   ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
        pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
        castle  ::= "O-O" "-O"?
        """;

    private const string Unicode = """
        root     ::= syllable+ ([ \t\n] syllable+)*
        syllable ::= hiragana | katakana | punctuation | cjk | [\U0001F600-\U0001F64F]
        hiragana ::= [ぁ-ゟ]
        katakana ::= [\u30A1-\u30FF]
        punctuation ::= [、-〾]
        cjk      ::= [一-鿿]
        """;

    private const string Language = """
        root       ::= declaration*
        declaration ::= type ws ident "(" parameter? ")" ws "{" statement* "}"
        type       ::= "int" | "float" | "char"
        ident      ::= [a-zA-Z_] [a-zA-Z_0-9]*
        parameter  ::= type ws ident
        statement  ::= ( type ws ident ws "=" ws expression ";" ) | ( "return" ws expression ";" ) | ( "while" "(" expression ")" "{" statement* "}" ) | ( "//" [^\n]* "\n" )
        expression ::= term (("+" | "-") term)*
        term       ::= factor (("*" | "/") factor)*
        factor     ::= ident | [0-9]+ | "-" factor | "(" expression ")"
        ws         ::= ([ \t\n]+)
        """;

    [Theory]
    [InlineData(Json, """{"a": [1,-2.5e3, "x\u00e9\n"], "b":{}}""", true)]
    [InlineData(Json, """{"a": 01}""", false)]
    [InlineData(Json, """[1]""", false)]
    [InlineData(Json, "{\"a\":\"\t\"}", false)]
    [InlineData(Arithmetic, "(a +12)*b_1= 7\n", true)]
    [InlineData(Arithmetic, "a=1\nb =2\n", true)]
    [InlineData(Arithmetic, "a=1+1\n", false)]
    [InlineData(Chess, "1. e4 e5\n2. Nf3 Nc6\n3. O-O exd8=Q#\n", true)]
    [InlineData(Chess, "1. e9 e5\n", false)]
    [InlineData(Unicode, "ひらがな カタカナ、漢字😀", true)]
    [InlineData(Unicode, "latin", false)]
    [InlineData(Unicode, "漢字  漢字", false)]
    [InlineData(Language, "int f(char c) {int x = a+(3*-b);while(x){return 1;}// é\n}", true)]
    [InlineData(Language, "int f() {return 1}", false)]
    [InlineData("root ::= [^a-c]{2} .", "dé😀", true)]
    [InlineData("root ::= [^a-c]{2} .", "da😀", false)]
    [InlineData("root ::= \"a\"{2,} | ([b-d] # here\n | \"e\")+", "bede", true)]
    [InlineData("root ::= \"a\"{2,} | ([b-d] # here\n | \"e\")+", "a", false)]
    [InlineData("root ::= empty x empty\nempty ::= \"\"\nx ::= \"\\x41\\u00e9\\U0001F600\"", "Aé😀", true)]
    public void A_grammar_takes_its_texts_and_no_others(string grammar, string text, bool isOfIt) =>
        Assert.Equal(isOfIt, ConstrainedWriter.Accepts(Constraint.Grammar(grammar), text));

    [Fact]
    public void A_special_token_stands_by_its_name()
    {
        var state = Constraint.Grammar("root ::= \"a\" <|call|> \"b\"").Begin(ConstrainedWriter.Vocabulary);
        Assert.True(state.TryAdvance(2 + 'a') && state.TryAdvance(1) && state.TryAdvance(2 + 'b') && state.IsComplete);
        var refused = Assert.Throws<EdgeException>(() => Constraint.Grammar("root ::= <think>").Begin(ConstrainedWriter.Vocabulary));
        Assert.Contains("special token <think>", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root ::= \"a\"\n  !<think> \"b\"", "column")]
    [InlineData("root ::= \"a\" (\n  !<think>)", "line 2, column 3: !<...>")]
    [InlineData("root ::= <[12]>", "line 1, column 10: <[12]>")]
    [InlineData("root ::= <think", "lacks its >")]
    [InlineData("root ::= \"a\" %", "column 14: '%'")]
    [InlineData("root ::= a", "rule a is used and not defined")]
    [InlineData("start ::= \"a\"", "no rule root")]
    [InlineData("root ::= sum\nsum ::= sum \"+\" \"1\" | \"1\"", "the rule sum begins with itself")]
    [InlineData("root ::= maybe list\nmaybe ::= \"x\"?\nlist ::= maybe root", "begins with itself")]
    [InlineData("root ::= [z-a]", "out of order")]
    [InlineData("root ::= \"a\"{3,2}", "m up to n")]
    [InlineData("root ::= \"a\"{1000001}", "1000000")]
    public void What_a_grammar_cannot_have_is_named_with_its_place(string grammar, string named) =>
        Assert.Contains(named, Assert.Throws<EdgeException>(() => Constraint.Grammar(grammar)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_choice_of_very_many_values_is_used_like_any()
    {
        string[] values = [.. Enumerable.Range(0, 20_000).Select(i => $"{i * 7919 % 20_000:x}-{i}")];
        var known = new HashSet<string>([.. values, "", "7"]);
        var constraint = Constraint.JsonSchema($"{{\"enum\":[{string.Join(',', values.Select(v => $"\"{v}\""))},\"\",7]}}");
        for (int seed = 1; seed <= 20; seed++)
            Assert.Contains(ConstrainedWriter.Write(constraint, new Random(seed), extra: 20).Trim('"'), known);

        Assert.True(ConstrainedWriter.Accepts(constraint, $"\"{values[^1]}\"") && !ConstrainedWriter.Accepts(constraint, "\"zz\""));
    }
}
